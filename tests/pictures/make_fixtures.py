#!/usr/bin/env python3
"""Makes the files of this folder; they are committed, and neither building nor testing needs this. Needs Pillow and NumPy.

    tests/pictures/make_fixtures.py

cases.txt: a line a file: its name, the reference pixels (.ppm, made by Pillow alone), and by how much a value may be off. Kinds of PNG
that Pillow does not write are written here. resize.txt: source, width, height, filter, reference.
"""
import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

os.chdir(os.path.dirname(os.path.abspath(__file__)))
rng = np.random.default_rng(7)
cases = []


def made(width, height):
    """Gradients, an edge, a disc, a little noise: something of all that filters and codecs stumble over."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    red = 255 * x / max(width - 1, 1)
    green = 255 * y / max(height - 1, 1)
    blue = np.where(x + y < (width + height) / 2, 230, 20)
    rgb = np.stack([red, green, blue], axis=2)
    rgb[(x - width / 3) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 4) ** 2] = (250, 250, 250)
    return Image.fromarray(np.clip(rgb + rng.normal(0, 6, rgb.shape), 0, 255).astype(np.uint8))


def flat(image):
    """As shown: turned upright, over white, 8 bits, RGB."""
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image)
    return image.convert("RGB")


def case(name, tolerance, reference=None):
    """The reference is what Pillow reads of the file itself, where none is given."""
    if reference is None:
        reference = name.replace(".", "-") + ".ppm"
        flat(Image.open(name)).save(reference)
    cases.append("%s %s %d" % (name, reference, tolerance))


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def write_png(path, width, height, depth, color, pixel, interlaced=False, before=b""):
    """pixel(x, y) -> samples. Filters 0 and 1 take turns."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]

    def row(xs, y):
        bits = "".join(format(v, "0%db" % depth) for x in xs for v in pixel(x, y))
        bits += "0" * (-len(bits) % 8)
        line = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        if y % 2 == 0:
            return b"\0" + line
        step = max(1, channels * depth // 8)
        return b"\1" + bytes((v - (line[i - step] if i >= step else 0)) & 255 for i, v in enumerate(line))

    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b""
    for x0, y0, dx, dy in passes:
        if x0 < width:
            raw += b"".join(row(range(x0, width, dx), y) for y in range(y0, height, dy))
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def pngs():
    image = made(19, 13)
    rgb = np.asarray(image).astype(int)
    gray = np.asarray(image.convert("L")).astype(int)
    image.save("rgb.ppm")
    w, h = image.size
    image.save("rgb.png")
    case("rgb.png", 0, "rgb.ppm")
    write_png("rgb-interlaced.png", w, h, 8, 2, lambda x, y: rgb[y, x], True)
    case("rgb-interlaced.png", 0, "rgb.ppm")
    write_png("rgb16.png", w, h, 16, 2, lambda x, y: rgb[y, x] * 256 + (x * 37 + y) % 256)
    case("rgb16.png", 0, "rgb.ppm")
    alpha = (np.mgrid[0:h, 0:w][1] * 255 // (w - 1)).astype(int)
    rgba = Image.fromarray(np.dstack([rgb, alpha]).astype(np.uint8), "RGBA")
    flat(rgba).save("rgba.ppm")
    rgba.save("rgba.png")
    case("rgba.png", 1, "rgba.ppm")
    write_png("rgba16-interlaced.png", w, h, 16, 6, lambda x, y: list(rgb[y, x] * 257) + [alpha[y, x] * 257], True)
    case("rgba16-interlaced.png", 1, "rgba.ppm")
    rgba.convert("LA").save("gray-alpha.png")
    case("gray-alpha.png", 1)
    Image.fromarray(gray.astype(np.uint8)).convert("RGB").save("gray.ppm")
    write_png("gray16.png", w, h, 16, 0, lambda x, y: [gray[y, x] * 256 + 99])
    case("gray16.png", 0, "gray.ppm")
    for depth in (1, 2, 4, 8):
        top = 2 ** depth - 1
        levels = gray * top // 255
        reference = "gray%d.ppm" % depth
        Image.fromarray((levels * 255 // top).astype(np.uint8)).convert("RGB").save(reference)
        write_png("gray%d.png" % depth, w, h, depth, 0, lambda x, y: [levels[y, x]], depth == 2)
        case("gray%d.png" % depth, 0, reference)
    for colors, name in ((2, "palette1"), (13, "palette4"), (100, "palette8")):
        image.quantize(colors).save(name + ".png")
        case(name + ".png", 0)
    image.quantize(40).save("palette-alpha.png", transparency=bytes(range(15, 255, 6)))
    case("palette-alpha.png", 1)
    clear = tuple(int(v) for v in rgb[3, 5])
    image.save("rgb-clear.png", transparency=clear)
    case("rgb-clear.png", 0)
    write_png("gray-clear.png", w, h, 8, 0, lambda x, y: [gray[y, x]], before=chunk(b"tRNS", struct.pack(">H", gray[2, 2])))
    case("gray-clear.png", 0)
    write_png("one.png", 1, 1, 8, 2, lambda x, y: [200, 100, 50], True)
    case("one.png", 0)
    # Texts, a profile and a gamma that change nothing.
    notes = chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"tEXt", b"Title\0chair") + chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x" * 5000))
    write_png("notes.png", w, h, 8, 2, lambda x, y: rgb[y, x], before=notes)
    case("notes.png", 0, "rgb.ppm")


def jpegs():
    image = made(37, 29)
    image.save("base.jpg", quality=85)
    case("base.jpg", 2)
    image.save("s444.jpg", quality=85, subsampling=0)
    case("s444.jpg", 2)
    image.save("s422.jpg", quality=85, subsampling=1)
    case("s422.jpg", 2)
    image.save("progressive.jpg", quality=85, progressive=True)
    case("progressive.jpg", 2)
    image.save("restart.jpg", quality=85, restart_marker_rows=1)
    case("restart.jpg", 2)
    image.convert("L").save("gray.jpg", quality=85)
    case("gray.jpg", 2)
    image.convert("CMYK").save("cmyk.jpg", quality=85)
    case("cmyk.jpg", 2)
    data = open("cmyk.jpg", "rb").read()
    at = data.index(b"\xff\xee")
    with open("cmyk-unmarked.jpg", "wb") as f:  # without Adobe's segment
        f.write(data[:at] + data[at + 2 + int.from_bytes(data[at + 2:at + 4], "big"):])
    case("cmyk-unmarked.jpg", 2)
    with open("ycck.jpg", "wb") as f:  # the same numbers, said to be YCCK
        f.write(data[:at + 15] + b"\2" + data[at + 16:])
    case("ycck.jpg", 2)
    small = made(12, 9)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        small.save("turn%d.jpg" % orientation, quality=80, subsampling=0, exif=exif)
        case("turn%d.jpg" % orientation, 2)
    exif = Image.Exif()
    exif[0x0112] = 6
    small.save("turn6.png", exif=exif)
    case("turn6.png", 0)
    small.save("turn6.webp", exif=exif, lossless=True)
    case("turn6.webp", 0)
    # Long ones, of which a little may be missing, and ones to be read smaller than they are.
    tall = made(24, 200)
    tall.save("tall.jpg", quality=75)
    case("tall.jpg", 2)
    tall.save("tall-progressive.jpg", quality=75, progressive=True)
    case("tall-progressive.jpg", 2)
    tallest = made(20, 480)
    tallest.save("tall.webp", quality=60)
    wide = made(300, 240)
    wide.save("wide.jpg", quality=60)
    wide.save("wide.webp", quality=60)
    wide.quantize(32).save("wide.png", optimize=True)


def webps():
    image = made(37, 29)
    image.save("lossy.webp", quality=80)
    case("lossy.webp", 2)
    image.save("lossless.webp", lossless=True)
    case("lossless.webp", 0)
    rgba = image.copy()
    rgba.putalpha(Image.fromarray((np.mgrid[0:29, 0:37][0] * 8).astype(np.uint8)))
    rgba.save("alpha-lossless.webp", lossless=True, exact=True)
    case("alpha-lossless.webp", 1)
    rgba.save("alpha-lossy.webp", quality=80)
    case("alpha-lossy.webp", 2)
    image.save("moving.webp", save_all=True, append_images=[image.rotate(180)], quality=20)


def resized():
    lines = []
    source = Image.fromarray((rng.integers(0, 4, (23, 31, 3)) * 85).astype(np.uint8))
    source.save("noise.png")
    filters = [Image.BILINEAR, Image.BICUBIC, Image.LANCZOS]
    for n, (width, height) in enumerate([(14, 10), (31, 9), (40, 40), (7, 60), (1, 1), (31, 23), (5, 23)]):
        for k, kind in enumerate(filters):
            if n > 3 and k != n % 3:
                continue
            name = "noise-%dx%d-%d.ppm" % (width, height, k)
            source.resize((width, 23), kind).resize((width, height), kind).save(name)  # across first, in every version of Pillow
            lines.append("noise.png %d %d %d %s" % (width, height, k, name))
    with open("resize.txt", "w") as f:
        f.write("\n".join(lines) + "\n")
    # The shortest side to 20, then the middle 16 x 16; and all of it stretched to that.
    cut = source.resize((int(20 * 31 / 23), 23), Image.BICUBIC).resize((int(20 * 31 / 23), 20), Image.BICUBIC)
    left, top = (cut.width - 16) // 2, (cut.height - 16) // 2
    cut.crop((left, top, left + 16, top + 16)).save("noise-cut.ppm")
    source.resize((16, 23), Image.BILINEAR).resize((16, 16), Image.BILINEAR).save("noise-stretched.ppm")


pngs()
jpegs()
webps()
resized()
with open("cases.txt", "w") as f:
    f.write("\n".join(cases) + "\n")

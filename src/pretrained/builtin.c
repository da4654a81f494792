/* Statistics of a picture, projected to a vector.
 *
 *   colour   a soft histogram of 12 hues, light and dark, and 5 greys: of the whole picture and of 3 x 3 places
 *   edges    8 directions of the luma's gradient in 6 x 6 places, as in histograms of oriented gradients
 *            (Dalal and Triggs 2005)
 *   texture  how rough it is at three scales in 3 x 3 places, and how strong its edges are
 *
 * Places blend into each other, so that a slight crop moves little. Left and right are added up, directions mirrored,
 * so that a flipped copy is the same. Roots of the counts are compared (Hellinger), less fixed means. The projection
 * has seeded random signs (Achlioptas 2003), which keeps cosines but for some hundredths. */
#include <math.h>
#include <pretrained/builtin.h>
#include <stdint.h>
#include <string.h>

const char sage_builtin_identity[] = "builtin-1";

enum {
    SIZE = 64,
    HUES = 12,
    GREYS = 5,
    COLOURS = 2 * HUES + GREYS,
    PLACES = 3,                                   /* colour and texture: rows and columns */
    COLOUR_PARTS = 1 + PLACES * (PLACES / 2 + 1), /* the whole; per row the sides and the middle */
    DIRECTIONS = 8,
    EDGE_PLACES = 6,
    EDGES = EDGE_PLACES * EDGE_PLACES / 2 * DIRECTIONS,
    SCALES = 3,
    STRENGTHS = 6,
    TEXTURES = SCALES * PLACES * (PLACES / 2 + 1) + STRENGTHS,
    ALL = COLOUR_PARTS * COLOURS + EDGES + TEXTURES
};

const sage_picture_rule sage_builtin_rule = {
    .size = SIZE, .resize = 0, .resample = SAGE_RESAMPLE_BILINEAR, .mean = {0, 0, 0}, .std = {1, 1, 1}};

typedef struct picture {
    const float *red, *green, *blue;
    float luma[SIZE][SIZE];
} picture;

static float clamp(float x) {
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* ---- places ---- */

/* A pixel belongs to the two nearest of n places along a side, by its distance to their middles. */
typedef struct blend {
    size_t at[2];
    float weight[2];
} blend;

static blend blend_at(size_t pixel, size_t n) {
    float x = ((float)pixel + 0.5f) * (float)n / SIZE - 0.5f;
    if (x < 0) x = 0;
    size_t low = smaller((size_t)x, n - 1), high = smaller(low + 1, n - 1);
    float part = x - (float)low;
    return (blend){{low, high}, {1 - part, part}};
}

/* Columns seen from both sides: 0, 1, 0 of three. */
static size_t fold(size_t column, size_t n) {
    return smaller(column, n - 1 - column);
}

/* ---- colour ---- */

/* 0 .. 6, red, yellow, green, cyan, blue, magenta. */
static float hue_of(float r, float g, float b, float most, float chroma) {
    float h = most == r ? (g - b) / chroma : most == g ? (b - r) / chroma + 2 : (r - g) / chroma + 4;
    return h < 0 ? h + 6 : h;
}

/* A pixel's share of two neighbouring greys, and of two hues, light and dark. */
typedef struct shade {
    size_t n, bin[6];
    float share[6];
} shade;

static void add_share(shade *to, size_t bin, float share) {
    to->bin[to->n] = bin;
    to->share[to->n++] = share;
}

static shade shade_of(const picture *p, size_t at) {
    shade s = {.n = 0};
    float r = p->red[at], g = p->green[at], b = p->blue[at], luma = p->luma[at / SIZE][at % SIZE];
    float most = fmaxf(r, fmaxf(g, b)), chroma = most - fminf(r, fminf(g, b));
    float coloured = clamp((chroma - 0.06f) / 0.16f), light = clamp((luma - 0.25f) / 0.4f);
    float grey = clamp(luma) * (GREYS - 1);
    size_t low = smaller((size_t)grey, GREYS - 2);
    add_share(&s, 2 * HUES + low, (1 - coloured) * (1 - (grey - (float)low)));
    add_share(&s, 2 * HUES + low + 1, (1 - coloured) * (grey - (float)low));
    if (coloured <= 0) return s;
    float hue = hue_of(r, g, b, most, chroma) * (HUES / 6);
    size_t first = (size_t)hue % HUES, second = (first + 1) % HUES;
    float part = clamp(hue - (float)(size_t)hue);
    add_share(&s, first, coloured * light * (1 - part));
    add_share(&s, second, coloured * light * part);
    add_share(&s, HUES + first, coloured * (1 - light) * (1 - part));
    add_share(&s, HUES + second, coloured * (1 - light) * part);
    return s;
}

static void add_shade(float part[COLOURS], float weight, const shade *s) {
    for (size_t i = 0; i < s->n; i++) part[s->bin[i]] += weight * s->share[i];
}

static void colours(const picture *p, float out[COLOUR_PARTS][COLOURS]) {
    for (size_t y = 0; y < SIZE; y++) {
        blend row = blend_at(y, PLACES);
        for (size_t x = 0; x < SIZE; x++) {
            blend column = blend_at(x, PLACES);
            shade s = shade_of(p, y * SIZE + x);
            add_shade(out[0], 1, &s);
            for (size_t i = 0; i < 4; i++)
                add_shade(out[1 + row.at[i / 2] * (PLACES / 2 + 1) + fold(column.at[i % 2], PLACES)],
                          row.weight[i / 2] * column.weight[i % 2], &s);
        }
    }
}

/* ---- edges ---- */

typedef struct gradient {
    float across, down, strength;
} gradient;

/* Pixels beyond the border are those at it. */
static gradient gradient_at(const picture *p, size_t y, size_t x) {
    gradient g = {p->luma[y][smaller(x + 1, SIZE - 1)] - p->luma[y][x > 0 ? x - 1 : 0],
                  p->luma[smaller(y + 1, SIZE - 1)][x] - p->luma[y > 0 ? y - 1 : 0][x], 0};
    g.strength = sqrtf(g.across * g.across + g.down * g.down);
    return g;
}

/* strength x cos^4 of the angle to each of the directions k x pi / 8. */
static void directions_of(const gradient *g, float out[DIRECTIONS]) {
    static const float cosine[DIRECTIONS] = {1, 0.92387953f,  0.70710678f,  0.38268343f,
                                             0, -0.38268343f, -0.70710678f, -0.92387953f};
    static const float sine[DIRECTIONS] = {0, 0.38268343f, 0.70710678f, 0.92387953f,
                                           1, 0.92387953f, 0.70710678f, 0.38268343f};
    float across = g->across / g->strength, down = g->down / g->strength;
    for (size_t k = 0; k < DIRECTIONS; k++) {
        float along = across * cosine[k] + down * sine[k], square = along * along;
        out[k] = g->strength * square * square;
    }
}

static void edges(const picture *p, float out[EDGE_PLACES][EDGE_PLACES / 2][DIRECTIONS], float strengths[STRENGTHS]) {
    float directions[DIRECTIONS];
    for (size_t y = 0; y < SIZE; y++) {
        blend row = blend_at(y, EDGE_PLACES);
        for (size_t x = 0; x < SIZE; x++) {
            gradient g = gradient_at(p, y, x);
            float level = sqrtf(clamp(g.strength)) * (STRENGTHS - 1);
            size_t low = smaller((size_t)level, STRENGTHS - 2);
            strengths[low] += 1 - (level - (float)low);
            strengths[low + 1] += level - (float)low;
            if (g.strength < 1e-4f) continue;
            directions_of(&g, directions);
            blend column = blend_at(x, EDGE_PLACES);
            for (size_t i = 0; i < 4; i++) {
                size_t c = column.at[i % 2], mirrored = c >= EDGE_PLACES / 2;
                float *place = out[row.at[i / 2]][fold(c, EDGE_PLACES)], w = row.weight[i / 2] * column.weight[i % 2];
                for (size_t k = 0; k < DIRECTIONS; k++)
                    place[mirrored ? (DIRECTIONS - k) % DIRECTIONS : k] += w * directions[k];
            }
        }
    }
}

/* ---- texture ---- */

/* How far a pixel lies from the mean of its four neighbours, `step` away. */
static float roughness(const picture *p, size_t y, size_t x, size_t step) {
    size_t up = y >= step ? y - step : 0, left = x >= step ? x - step : 0;
    float mean = (p->luma[up][x] + p->luma[smaller(y + step, SIZE - 1)][x] + p->luma[y][left] +
                  p->luma[y][smaller(x + step, SIZE - 1)]) /
                 4;
    return fabsf(p->luma[y][x] - mean);
}

static void textures(const picture *p, float out[SCALES][PLACES][PLACES / 2 + 1]) {
    for (size_t y = 0; y < SIZE; y++) {
        blend row = blend_at(y, PLACES);
        for (size_t x = 0; x < SIZE; x++) {
            blend column = blend_at(x, PLACES);
            for (size_t s = 0; s < SCALES; s++) {
                float rough = roughness(p, y, x, (size_t)1 << s);
                for (size_t i = 0; i < 4; i++)
                    out[s][row.at[i / 2]][fold(column.at[i % 2], PLACES)] +=
                        row.weight[i / 2] * column.weight[i % 2] * rough;
            }
        }
    }
}

/* ---- all together ---- */

/* Means of the roots of shares over product pictures of clothes, as fixed numbers: most stand before white. */
static const float colour_means[COLOURS] = {
    0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, /* light */
    0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, 0.03f, /* dark */
    0.11f, 0.22f, 0.18f, 0.23f, 0.76f};                                                 /* black to white */
static const float strength_means[STRENGTHS] = {0.76f, 0.43f, 0.32f, 0.25f, 0.18f, 0.08f};

/* To the roots of their shares, less a mean (means[i], or `mean` where there are none), times `weight`. */
static void compare_shares(float *x, size_t n, const float *means, float mean, float weight) {
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    for (size_t i = 0; i < n; i++)
        x[i] = weight * ((sum > 0 ? sqrtf(x[i] / sum) : 0) - (means != NULL ? means[i] : mean));
}

static uint64_t mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static void project(const float x[ALL], float out[SAGE_BUILTIN_DIM]) {
    memset(out, 0, SAGE_BUILTIN_DIM * sizeof *out);
    for (size_t i = 0; i < ALL; i++) {
        for (size_t block = 0; block < SAGE_BUILTIN_DIM / 64; block++) {
            uint64_t signs = mix(i * (SAGE_BUILTIN_DIM / 64) + block);
            float *to = out + 64 * block;
            for (size_t j = 0; j < 64; j++) to[j] += signs >> j & 1 ? x[i] : -x[i];
        }
    }
    float square = 0;
    for (size_t j = 0; j < SAGE_BUILTIN_DIM; j++) square += out[j] * out[j];
    float length = sqrtf(square);
    for (size_t j = 0; j < SAGE_BUILTIN_DIM; j++) out[j] = length > 0 ? out[j] / length : j == 0;
}

void sage_builtin_picture(const float *pixels, float out[SAGE_BUILTIN_DIM]) {
    picture p = {pixels, pixels + SIZE * SIZE, pixels + 2 * SIZE * SIZE, {{0}}};
    struct {
        float colours[COLOUR_PARTS][COLOURS];
        float edges[EDGE_PLACES][EDGE_PLACES / 2][DIRECTIONS];
        float textures[SCALES][PLACES][PLACES / 2 + 1];
        float strengths[STRENGTHS];
    } all = {{{0}}, {{{0}}}, {{{0}}}, {0}};
    _Static_assert(sizeof all == ALL * sizeof(float), "no gaps");
    float flat[ALL];
    for (size_t i = 0; i < SIZE * SIZE; i++)
        p.luma[i / SIZE][i % SIZE] = 0.299f * p.red[i] + 0.587f * p.green[i] + 0.114f * p.blue[i];
    colours(&p, all.colours);
    edges(&p, all.edges, all.strengths);
    textures(&p, all.textures);
    for (size_t i = 0; i < COLOUR_PARTS; i++)
        compare_shares(all.colours[i], COLOURS, colour_means, 0, i == 0 ? 1.0f : 0.45f);
    compare_shares(&all.edges[0][0][0], EDGES, NULL, 0.066f, 2.0f);
    for (size_t s = 0; s < SCALES; s++)
        compare_shares(&all.textures[s][0][0], PLACES * (PLACES / 2 + 1), NULL, 0.39f, 0.6f);
    compare_shares(all.strengths, STRENGTHS, strength_means, 0, 0.8f);
    memcpy(flat, &all, sizeof flat);
    project(flat, out);
}

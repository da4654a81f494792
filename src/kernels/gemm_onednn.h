/* Inside the room: what the files that speak to oneDNN share. */
#ifndef SAGE_KERNELS_GEMM_ONEDNN_H
#define SAGE_KERNELS_GEMM_ONEDNN_H

#include "gemm_impl.h"
#include <oneapi/dnnl/dnnl.h>

bool sage_onednn_open(void); /* once, before anything else */
dnnl_engine_t sage_onednn_engine(void);
dnnl_data_type_t sage_onednn_type(sage_precision precision);

/* Around everything that makes or runs primitives. */
int sage_onednn_enter(void);
void sage_onednn_leave(int before);

bool sage_onednn_run(const sage_product *p); /* as sage_onednn_product, before it is known what there is */

/* NULL where oneDNN cannot, or only by its plain loops. The caller destroys it. */
dnnl_primitive_desc_t sage_onednn_primitive_desc(const dnnl_matmul_desc_t *matmul, bool add);
const char *sage_onednn_kernel(const_dnnl_primitive_desc_t desc); /* its name; NULL for plain loops */

const dnnl_memory_desc_t *sage_packed_desc(const sage_packed *packed);
dnnl_memory_t sage_packed_memory(const sage_packed *packed);

#endif

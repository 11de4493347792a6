// SPDX-License-Identifier: Apache-2.0
// Matrix products by cuBLASLt, each kind's algorithm found once.
//
// cuBLASLt is column-major: a row-major (m, k) is its (k, m). So dst^T (n, m) = b (n, k) a^T (k,
// m).
#include "model/cuda/gemm.h"

#include <cublasLt.h>
#include <stdlib.h>

#define WORKSPACE_SIZE ((size_t)32 << 20)
#define N_PLANS 256

// A hash table by open addressing; full, it is emptied.
typedef struct Plan {
    Sam2CudaGemmType type;
    int64_t m, n, k;
    int epilogue; // bits: 1 bias, 2 relu, 4 residual, 8 gelu, 16 half result, 32 aligned result
    bool used;
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t a, b, dst;
    cublasLtMatmulAlgo_t algorithm;
} Plan;

struct Sam2CudaGemm {
    cublasLtHandle_t handle;
    cudaStream_t stream;
    void *workspaces[2], *workspace; // of the lanes; of the one at hand
    Plan plans[N_PLANS];
    int n_plans;
};

static Sam2Status fail(Sam2Error *error, const char *what, cublasStatus_t status)
{
    return sam2_fail(
        error, status == CUBLAS_STATUS_ALLOC_FAILED ? SAM2_ERR_MEMORY : SAM2_ERR_BACKEND,
        "the GPU cannot multiply matrices: %s: %s", what, cublasLtGetStatusString(status));
}

static void clear_plan(Plan *plan)
{
    if (plan->operation)
        cublasLtMatmulDescDestroy(plan->operation);
    if (plan->a)
        cublasLtMatrixLayoutDestroy(plan->a);
    if (plan->b)
        cublasLtMatrixLayoutDestroy(plan->b);
    if (plan->dst)
        cublasLtMatrixLayoutDestroy(plan->dst);
    *plan = (Plan){0};
}

Sam2Status sam2_cuda_gemm_open(Sam2CudaGemm **out, Sam2Error *error)
{
    Sam2CudaGemm *gemm = *out = calloc(1, sizeof *gemm);
    if (!gemm)
        return sam2_fail_memory(error, sizeof *gemm);
    cublasStatus_t status = cublasLtCreate(&gemm->handle);
    if (status != CUBLAS_STATUS_SUCCESS) {
        sam2_cuda_gemm_close(out);
        return fail(error, "opening cuBLASLt", status);
    }
    if (cudaMalloc(&gemm->workspaces[0], WORKSPACE_SIZE) != cudaSuccess ||
        cudaMalloc(&gemm->workspaces[1], WORKSPACE_SIZE) != cudaSuccess) {
        cudaGetLastError();
        sam2_cuda_gemm_close(out);
        return sam2_fail(error, SAM2_ERR_MEMORY, "out of GPU memory: %zu MiB could not be had",
                         WORKSPACE_SIZE >> 20);
    }
    return SAM2_OK;
}

void sam2_cuda_gemm_use(Sam2CudaGemm *gemm, cudaStream_t stream, int lane)
{
    gemm->stream = stream;
    gemm->workspace = gemm->workspaces[lane];
}

void sam2_cuda_gemm_close(Sam2CudaGemm **out)
{
    Sam2CudaGemm *gemm = *out;
    if (!gemm)
        return;
    for (int i = 0; i < N_PLANS; i++)
        clear_plan(&gemm->plans[i]);
    if (gemm->handle)
        cublasLtDestroy(gemm->handle);
    cudaFree(gemm->workspaces[0]);
    cudaFree(gemm->workspaces[1]);
    free(gemm);
    *out = NULL;
}

static cublasStatus_t describe(Plan *plan)
{
    static const cudaDataType_t types[] = {CUDA_R_32F, CUDA_R_16BF, CUDA_R_16F};
    const cudaDataType_t type = types[plan->type];
    const cublasOperation_t transposed = CUBLAS_OP_T;
    const cudaDataType_t type_of_result = plan->epilogue & 16 ? type : CUDA_R_32F;
    const bool bias = plan->epilogue & 1;
    cublasLtEpilogue_t epilogue = bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    if (plan->epilogue & 2)
        epilogue = bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
    if (plan->epilogue & 8)
        epilogue = bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
    cublasStatus_t status =
        cublasLtMatmulDescCreate(&plan->operation, CUBLAS_COMPUTE_32F, CUDA_R_32F);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmulDescSetAttribute(plan->operation, CUBLASLT_MATMUL_DESC_TRANSA,
                                                &transposed, sizeof transposed);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmulDescSetAttribute(plan->operation, CUBLASLT_MATMUL_DESC_EPILOGUE,
                                                &epilogue, sizeof epilogue);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatrixLayoutCreate(&plan->a, type, (uint64_t)plan->k, (uint64_t)plan->m,
                                            plan->k);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatrixLayoutCreate(&plan->b, type, (uint64_t)plan->k, (uint64_t)plan->n,
                                            plan->k);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatrixLayoutCreate(&plan->dst, type_of_result, (uint64_t)plan->n,
                                            (uint64_t)plan->m, plan->n);
    return status;
}

// The bias's address does not matter to the choice, but there must be one.
static cublasStatus_t set_bias(Plan *plan, const void *bias)
{
    return cublasLtMatmulDescSetAttribute(plan->operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias,
                                          sizeof bias);
}

static uint32_t alignment_of(const void *p)
{
    uintptr_t bits = (uintptr_t)p | 256;
    return (uint32_t)(bits & -bits);
}

static cublasStatus_t choose(Sam2CudaGemm *gemm, Plan *plan, const Sam2CudaProduct *product)
{
    cublasLtMatmulPreference_t preference = NULL;
    cublasLtMatmulHeuristicResult_t result;
    int n_results = 0;
    const size_t workspace_size = WORKSPACE_SIZE;
    // Tensors may be rows of others: what holds for 4 bytes holds for all.
    const uint32_t a = plan->type == SAM2_CUDA_GEMM_F32 ? 4 : alignment_of(product->a),
                   b = plan->type == SAM2_CUDA_GEMM_F32 ? 4 : alignment_of(product->b),
                   dst = plan->epilogue & 32 ? 16 : 4;
    cublasStatus_t status = cublasLtMatmulPreferenceCreate(&preference);
    if (status != CUBLAS_STATUS_SUCCESS)
        return status;
    const struct {
        cublasLtMatmulPreferenceAttributes_t name;
        const void *value;
        size_t size;
    } attributes[] = {
        {CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace_size, sizeof workspace_size},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &b, sizeof b},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &a, sizeof a},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &dst, sizeof dst},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &dst, sizeof dst},
    };
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if (status == CUBLAS_STATUS_SUCCESS)
            status = cublasLtMatmulPreferenceSetAttribute(preference, attributes[i].name,
                                                          attributes[i].value, attributes[i].size);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmulAlgoGetHeuristic(gemm->handle, plan->operation, plan->b, plan->a,
                                                plan->dst, plan->dst, preference, 1, &result,
                                                &n_results);
    cublasLtMatmulPreferenceDestroy(preference);
    if (status == CUBLAS_STATUS_SUCCESS && n_results == 0)
        status = CUBLAS_STATUS_NOT_SUPPORTED;
    if (status == CUBLAS_STATUS_SUCCESS)
        plan->algorithm = result.algo;
    return status;
}

static uint64_t hash_plan(const Plan *plan)
{
    uint64_t hash = 14695981039346656037u;
    const uint64_t parts[] = {(uint64_t)plan->type, (uint64_t)plan->m, (uint64_t)plan->n,
                              (uint64_t)plan->k, (uint64_t)plan->epilogue};
    for (int i = 0; i < 5; i++)
        hash = (hash ^ parts[i]) * 1099511628211u;
    return hash ^ hash >> 29;
}

static Plan *find_plan(Sam2CudaGemm *gemm, const Plan *like)
{
    if (gemm->n_plans > N_PLANS / 2) {
        for (int i = 0; i < N_PLANS; i++)
            clear_plan(&gemm->plans[i]);
        gemm->n_plans = 0;
    }
    for (uint64_t i = hash_plan(like);; i++) {
        Plan *plan = &gemm->plans[i % N_PLANS];
        if (!plan->used || (plan->type == like->type && plan->m == like->m && plan->n == like->n &&
                            plan->k == like->k && plan->epilogue == like->epilogue))
            return plan;
    }
}

Sam2Status sam2_cuda_gemm_run(Sam2CudaGemm *gemm, const Sam2CudaProduct *product, Sam2Error *error)
{
    const void *c = product->residual ? product->residual : product->dst;
    const Plan like = {
        .type = product->type,
        .m = product->m,
        .n = product->n,
        .k = product->k,
        .epilogue = (product->bias ? 1 : 0) | (product->act == SAM2_CUDA_GEMM_RELU ? 2 : 0) |
                    (product->residual ? 4 : 0) | (product->act == SAM2_CUDA_GEMM_GELU ? 8 : 0) |
                    (product->to_half ? 16 : 0) |
                    (((uintptr_t)c | (uintptr_t)product->dst) % 16 ? 0 : 32),
        .used = true};
    const float one = 1, zero = 0;
    Plan *plan = find_plan(gemm, &like);
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    if (!plan->used) {
        *plan = like;
        gemm->n_plans++;
        status = describe(plan);
        if (status == CUBLAS_STATUS_SUCCESS && product->bias)
            status = set_bias(plan, product->bias);
        if (status == CUBLAS_STATUS_SUCCESS)
            status = choose(gemm, plan, product);
        if (status != CUBLAS_STATUS_SUCCESS) {
            clear_plan(plan);
            gemm->n_plans--;
            return fail(error, "choosing how", status);
        }
    } else if (product->bias) {
        status = set_bias(plan, product->bias);
    }
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmul(gemm->handle, plan->operation, &one, product->b, plan->b,
                                product->a, plan->a, product->residual ? &one : &zero, c, plan->dst,
                                product->dst, plan->dst, &plan->algorithm, gemm->workspace,
                                WORKSPACE_SIZE, gemm->stream);
    return status == CUBLAS_STATUS_SUCCESS ? SAM2_OK : fail(error, "running", status);
}

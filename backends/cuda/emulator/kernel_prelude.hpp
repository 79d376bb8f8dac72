// What stands in front of a kernel's source when it is compiled as C++ for the host: the keywords, index variables and functions that
// CUDA C has by itself, and the loops that run a grid. No header is included, so that a kernel compiles in a tenth of a second and finds
// no more names than it would on a device.

struct EscnnLaunch {
  unsigned grid[3], block[3];
  unsigned sharedBytes, backward;
  void** arguments;
};
struct EscnnHost {
  // Runs one block's threads, each until it waits or ends; `select` makes a thread the current one.
  void (*fibers)(unsigned threads, unsigned backward, void (*select)(unsigned), void (*body)(void*), void* closure);
  void (*wait)(int line);
};
struct EscnnParameter {
  unsigned size, alignment;
  unsigned pointee;  // alignment of what a pointer points to, 0 when the parameter is none
  unsigned listed;   // device pointers in a structure of them, `struct { unsigned long long v[N]; }`
};
struct EscnnKernel {
  const char* name;
  void (*run)(const EscnnLaunch*);
  unsigned count;
  const EscnnParameter* parameters;
};

extern "C" {
__attribute__((visibility("default"))) const EscnnHost* escnn_host;
extern char __start_escnn_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_escnn_shared[] __attribute__((weak, visibility("hidden")));
}

#define __device__
#define __host__
#define __global__ static
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static __attribute__((section("escnn_shared")))
#define __CUDACC__ 1
#define __CUDACC_RTC__ 1

typedef __SIZE_TYPE__ size_t;

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
};
#define ESCNN_VECTORS(name, type)                                                                     \
  struct __align__(2 * sizeof(type)) name##2 { type x, y; };                                          \
  struct name##3 { type x, y, z; };                                                                   \
  struct __align__(sizeof(type) == 8 ? 16 : 4 * sizeof(type)) name##4 { type x, y, z, w; };           \
  static inline name##2 make_##name##2(type x, type y) { return {x, y}; }                             \
  static inline name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; }                  \
  static inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
#define uint3 escnn_uint3
ESCNN_VECTORS(float, float)
ESCNN_VECTORS(double, double)
ESCNN_VECTORS(int, int)
ESCNN_VECTORS(uint, unsigned)
#undef uint3
#undef ESCNN_VECTORS

static uint3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;
static const int warpSize = 32;

#define ESCNN_UNARY(name)                        \
  extern "C" double name(double);                \
  extern "C" float name##f(float);               \
  static inline float name(float x) { return name##f(x); }
#define ESCNN_BINARY(name)                       \
  extern "C" double name(double, double);        \
  extern "C" float name##f(float, float);        \
  static inline float name(float x, float y) { return name##f(x, y); }
ESCNN_UNARY(sin) ESCNN_UNARY(cos) ESCNN_UNARY(tan) ESCNN_UNARY(asin) ESCNN_UNARY(acos) ESCNN_UNARY(atan)
ESCNN_UNARY(sinh) ESCNN_UNARY(cosh) ESCNN_UNARY(tanh) ESCNN_UNARY(asinh) ESCNN_UNARY(acosh) ESCNN_UNARY(atanh)
ESCNN_UNARY(exp) ESCNN_UNARY(exp2) ESCNN_UNARY(exp10) ESCNN_UNARY(expm1) ESCNN_UNARY(log) ESCNN_UNARY(log2)
ESCNN_UNARY(log10) ESCNN_UNARY(log1p) ESCNN_UNARY(sqrt) ESCNN_UNARY(cbrt) ESCNN_UNARY(floor) ESCNN_UNARY(ceil)
ESCNN_UNARY(trunc) ESCNN_UNARY(round) ESCNN_UNARY(rint) ESCNN_UNARY(nearbyint) ESCNN_UNARY(fabs) ESCNN_UNARY(erf)
ESCNN_UNARY(erfc) ESCNN_UNARY(tgamma) ESCNN_UNARY(lgamma)
ESCNN_BINARY(pow) ESCNN_BINARY(fmod) ESCNN_BINARY(atan2) ESCNN_BINARY(hypot) ESCNN_BINARY(copysign) ESCNN_BINARY(fmin)
ESCNN_BINARY(fmax) ESCNN_BINARY(fdim) ESCNN_BINARY(nextafter) ESCNN_BINARY(remainder)
#undef ESCNN_UNARY
#undef ESCNN_BINARY
extern "C" double fma(double, double, double);
extern "C" float fmaf(float, float, float);
static inline float fma(float x, float y, float z) { return fmaf(x, y, z); }
extern "C" int abs(int);
extern "C" double ldexp(double, int);
extern "C" float ldexpf(float, int);
extern "C" void* memset(void*, int, size_t);
extern "C" void* memcpy(void*, const void*, size_t);

static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }
static inline bool isnan(float x) { return __builtin_isnan(x); }
static inline bool isnan(double x) { return __builtin_isnan(x); }
static inline bool isinf(float x) { return __builtin_isinf(x); }
static inline bool isinf(double x) { return __builtin_isinf(x); }
static inline bool isfinite(float x) { return __builtin_isfinite(x); }
static inline bool isfinite(double x) { return __builtin_isfinite(x); }
static inline bool signbit(float x) { return __builtin_signbit(x); }
static inline bool signbit(double x) { return __builtin_signbit(x); }

static inline int min(int x, int y) { return x < y ? x : y; }
static inline int max(int x, int y) { return x > y ? x : y; }
static inline unsigned min(unsigned x, unsigned y) { return x < y ? x : y; }
static inline unsigned max(unsigned x, unsigned y) { return x > y ? x : y; }
static inline long long min(long long x, long long y) { return x < y ? x : y; }
static inline long long max(long long x, long long y) { return x > y ? x : y; }
static inline float min(float x, float y) { return fminf(x, y); }
static inline float max(float x, float y) { return fmaxf(x, y); }
static inline double min(double x, double y) { return fmin(x, y); }
static inline double max(double x, double y) { return fmax(x, y); }

static inline float __fadd_rn(float x, float y) { return x + y; }
static inline float __fsub_rn(float x, float y) { return x - y; }
static inline float __fmul_rn(float x, float y) { return x * y; }
static inline float __fdiv_rn(float x, float y) { return x / y; }
static inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline double __dadd_rn(double x, double y) { return x + y; }
static inline double __dsub_rn(double x, double y) { return x - y; }
static inline double __dmul_rn(double x, double y) { return x * y; }
static inline double __ddiv_rn(double x, double y) { return x / y; }
static inline double __fma_rn(double x, double y, double z) { return fma(x, y, z); }
static inline double __dsqrt_rn(double x) { return sqrt(x); }

template <class To, class From>
static inline To escnn_bits(From value) {
  static_assert(sizeof(To) == sizeof(From), "of one size");
  return __builtin_bit_cast(To, value);
}
static inline int __float_as_int(float x) { return escnn_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return escnn_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return escnn_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return escnn_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return escnn_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return escnn_bits<double>(x); }
static inline unsigned __umulhi(unsigned x, unsigned y) { return (unsigned)(((unsigned long long)x * y) >> 32); }
static inline int __mulhi(int x, int y) { return (int)(((long long)x * y) >> 32); }
static inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  return (unsigned long long)(((unsigned __int128)x * y) >> 64);
}
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz((unsigned)x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
template <class T>
static inline T __ldg(const T* p) { return *p; }
static inline void __threadfence() {}
static inline void __threadfence_block() {}

// One thread runs at a time, so these need no more than their meaning. Only the types that every device has.
#define ESCNN_ATOMIC(name, type, result) \
  static inline type name(type* p, type v) { const type old = *p; *p = result; return old; }
ESCNN_ATOMIC(atomicAdd, float, old + v)
ESCNN_ATOMIC(atomicAdd, double, old + v)
ESCNN_ATOMIC(atomicAdd, int, (int)((unsigned)old + (unsigned)v))
ESCNN_ATOMIC(atomicAdd, unsigned, old + v)
ESCNN_ATOMIC(atomicAdd, unsigned long long, old + v)
ESCNN_ATOMIC(atomicMax, int, old > v ? old : v)
ESCNN_ATOMIC(atomicMax, unsigned, old > v ? old : v)
ESCNN_ATOMIC(atomicMin, int, old < v ? old : v)
ESCNN_ATOMIC(atomicMin, unsigned, old < v ? old : v)
ESCNN_ATOMIC(atomicOr, int, old | v)
ESCNN_ATOMIC(atomicOr, unsigned, old | v)
ESCNN_ATOMIC(atomicAnd, int, old & v)
ESCNN_ATOMIC(atomicExch, int, v)
ESCNN_ATOMIC(atomicExch, unsigned, v)
ESCNN_ATOMIC(atomicExch, float, v)
#undef ESCNN_ATOMIC
#define ESCNN_CAS(type)                                            \
  static inline type atomicCAS(type* p, type expected, type v) {   \
    const type old = *p;                                           \
    if (old == expected) *p = v;                                   \
    return old;                                                    \
  }
ESCNN_CAS(int)
ESCNN_CAS(unsigned)
ESCNN_CAS(unsigned long long)
#undef ESCNN_CAS

// Dynamic shared memory: what a launch asks for, and behind it bytes that must stay.
static const unsigned ESCNN_SHARED_LIMIT = 232448, ESCNN_SHARED_GUARD = 64;
static __attribute__((aligned(16))) unsigned char escnn_dynamic_shared[ESCNN_SHARED_LIMIT + ESCNN_SHARED_GUARD];
extern "C" __attribute__((visibility("default"))) int escnn_shared_overrun;
int escnn_shared_overrun = 0;

static void escnn_begin_block(const EscnnLaunch* launch) {
  if (__start_escnn_shared != nullptr) memset(__start_escnn_shared, 0xFF, __stop_escnn_shared - __start_escnn_shared);
  if (launch->sharedBytes == 0) return;
  memset(escnn_dynamic_shared, 0xFF, launch->sharedBytes);
  memset(escnn_dynamic_shared + launch->sharedBytes, 0xC7, ESCNN_SHARED_GUARD);
}
static void escnn_end_block(const EscnnLaunch* launch) {
  if (launch->sharedBytes == 0) return;
  for (unsigned i = 0; i < ESCNN_SHARED_GUARD; i++) {
    if (escnn_dynamic_shared[launch->sharedBytes + i] != 0xC7) escnn_shared_overrun = 1;
  }
}

static void escnn_select(unsigned thread) {
  threadIdx.x = thread % blockDim.x;
  threadIdx.y = thread / blockDim.x % blockDim.y;
  threadIdx.z = thread / blockDim.x / blockDim.y;
}

template <class T>
struct EscnnPointee {
  static const unsigned alignment = 0;
};
template <class T>
struct EscnnPointee<T*> {
  static const unsigned alignment = alignof(T);
};
template <>
struct EscnnPointee<void*> {
  static const unsigned alignment = 1;
};
template <>
struct EscnnPointee<const void*> {
  static const unsigned alignment = 1;
};

template <class T>
struct EscnnAddresses {
  static const unsigned count = 0;
};
template <unsigned N>
struct EscnnAddresses<unsigned long long[N]> {
  static const unsigned count = N;
};
template <class T>
static constexpr unsigned escnn_listed(decltype(T::v)*) { return EscnnAddresses<decltype(T::v)>::count; }
template <class T>
static constexpr unsigned escnn_listed(...) { return 0; }

template <unsigned... I>
struct EscnnIndices {};
template <auto F, bool Waits>
struct EscnnRunner;
template <class... P, void (*F)(P...), bool Waits>
struct EscnnRunner<F, Waits> {
  static constexpr EscnnParameter parameters[sizeof...(P) + 1] = {
      {sizeof(P), alignof(P), EscnnPointee<P>::alignment, escnn_listed<P>(nullptr)}..., {0, 0, 0, 0}};
  static const unsigned count = sizeof...(P);

  template <unsigned... I>
  static inline void call(void** arguments, EscnnIndices<I...>) {
    F(*static_cast<P*>(arguments[I])...);
  }
  static void body(void* arguments) {
    call(static_cast<void**>(arguments), EscnnIndices<__integer_pack((unsigned)sizeof...(P))...>());
  }
  static void run(const EscnnLaunch* launch) {
    const unsigned blocks = launch->grid[0] * launch->grid[1] * launch->grid[2];
    const unsigned threads = launch->block[0] * launch->block[1] * launch->block[2];
    gridDim = {launch->grid[0], launch->grid[1], launch->grid[2]};
    blockDim = {launch->block[0], launch->block[1], launch->block[2]};
    for (unsigned b = 0; b < blocks; b++) {
      const unsigned block = launch->backward ? blocks - 1 - b : b;
      blockIdx.x = block % gridDim.x;
      blockIdx.y = block / gridDim.x % gridDim.y;
      blockIdx.z = block / gridDim.x / gridDim.y;
      escnn_begin_block(launch);
      if (Waits) {
        escnn_host->fibers(threads, launch->backward, escnn_select, body, launch->arguments);
      } else if (blockDim.y == 1 && blockDim.z == 1) {
        threadIdx.y = threadIdx.z = 0;
        for (unsigned t = 0; t < threads; t++) {
          threadIdx.x = launch->backward ? threads - 1 - t : t;
          body(launch->arguments);
        }
      } else {
        for (unsigned t = 0; t < threads; t++) {
          escnn_select(launch->backward ? threads - 1 - t : t);
          body(launch->arguments);
        }
      }
      escnn_end_block(launch);
    }
  }
};

#define ESCNN_KERNEL(kernel, waits) \
  { #kernel, EscnnRunner<kernel, waits>::run, EscnnRunner<kernel, waits>::count, EscnnRunner<kernel, waits>::parameters }
#define __syncthreads() escnn_host->wait(__LINE__)

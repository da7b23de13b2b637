/* POSIX threads, atomics and the floating-point unit's mode for denormals, as threads.pyx needs them.
 *
 * Without POSIX threads start_thread() fails, and the caller does all the work itself.
 */
#ifndef TINYGRAD_C_THREADS_H
#define TINYGRAD_C_THREADS_H

#if defined(_WIN32) || defined(__wasi__)
#if !defined(HAVE_PTHREAD_STUBS)    /* Python for WASI declares these types itself */
typedef int pthread_mutex_t, pthread_cond_t;
#endif
#define pthread_mutex_init(m, attr) ((void)(m))
#define pthread_mutex_lock(m) ((void)(m))
#define pthread_mutex_unlock(m) ((void)(m))
#define pthread_cond_init(c, attr) ((void)(c))
#define pthread_cond_wait(c, m) ((void)(c))
#define pthread_cond_signal(c) ((void)(c))
#define pthread_cond_broadcast(c) ((void)(c))
#define pthread_atfork(prepare, parent, child) ((void)(child))
static int start_thread(void* (*f)(void*)) { (void)f; return 1; }
static void yield_core(void) {}
static long long nanoseconds(void) { return 0; }
#else
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

/* Starts a detached thread with all signals blocked; returns 0 on success. */
static int start_thread(void* (*f)(void*)) {
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, before;
    int failed;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 1 << 20);  /* a kernel needs about 50 KB; musl's default is 128 KB */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread, &attr, f, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return failed;
}

/* Yields the core to another thread that is ready to run. */
static void yield_core(void) { sched_yield(); }

static long long nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
#endif

#if defined(__GNUC__)
#define fetch_add(p, n) __atomic_fetch_add((p), (n), __ATOMIC_RELAXED)
#define exchange(p, n) __atomic_exchange_n((p), (n), __ATOMIC_ACQ_REL)
#define read_atomic(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define write_atomic(p, n) __atomic_store_n((p), (n), __ATOMIC_RELEASE)
#else  /* no atomics: one thread only */
#define fetch_add(p, n) ((*(p) += (n)) - (n))
#define exchange(p, n) ((void)(n), 1)
#define read_atomic(p) (*(p))
#define write_atomic(p, n) (*(p) = (n))
#endif

/* flush_denormals() makes denormal operands and results 0 (flush-to-zero); returns the old state for restore_denormals().
 * Gradients of a converged net become denormal, and arithmetic on denormals is up to 100 times slower. */
#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
typedef unsigned int fp_state;
static inline fp_state flush_denormals(void) { fp_state s = _mm_getcsr(); _mm_setcsr(s | 0x8040); return s; }
static inline void restore_denormals(fp_state s) { _mm_setcsr(s); }
static inline void relax(void) { _mm_pause(); }
#elif defined(__aarch64__) && defined(__GNUC__)
typedef unsigned long fp_state;
static inline fp_state flush_denormals(void) {
    fp_state s;
    __asm__ volatile("mrs %0, fpcr" : "=r"(s));
    __asm__ volatile("msr fpcr, %0" : : "r"(s | 1ul << 24));
    return s;
}
static inline void restore_denormals(fp_state s) { __asm__ volatile("msr fpcr, %0" : : "r"(s)); }
static inline void relax(void) { __asm__ volatile("yield"); }
#else
typedef unsigned int fp_state;
static inline fp_state flush_denormals(void) { return 0; }
static inline void restore_denormals(fp_state s) { (void)s; }
static inline void relax(void) {}
#endif

#endif

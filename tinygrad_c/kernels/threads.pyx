"""The thread pool: shares the units of one Call among threads.

The threads are made when a call first needs them, and sleep when there is none. A call is published under the lock with the
number of threads that may join it; those that wake take units from an atomic counter, a few at a time, and so does the
caller. When the units are out the caller closes the call: a thread that has not woken by then does not join, and the caller
waits only for those in the middle of a unit. So a core that is busy with another process delays a call by one unit at most.

One call at a time has the pool. A second one, from another Python thread, is done by its caller alone. A child of fork()
starts without threads.
"""
import os

from tinygrad_c.kernels.call cimport Call

cdef extern from "threads.h" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_cond_t:
        pass
    int pthread_mutex_init(pthread_mutex_t* mutex, void* attributes) noexcept
    int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept
    int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept
    int pthread_cond_init(pthread_cond_t* condition, void* attributes) noexcept
    int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) noexcept
    int pthread_cond_signal(pthread_cond_t* condition) noexcept
    int pthread_cond_broadcast(pthread_cond_t* condition) noexcept
    int pthread_atfork(void (*prepare)() noexcept nogil, void (*parent)() noexcept nogil,
                       void (*child)() noexcept nogil) noexcept
    int start_thread(void* (*f)(void*) noexcept nogil) noexcept
    Py_ssize_t fetch_add(Py_ssize_t* counter, Py_ssize_t n) noexcept
    bint exchange(bint* flag, bint value) noexcept
    int read_atomic(int* counter) noexcept
    void write_atomic(int* number, int value) noexcept
    void relax() noexcept

cdef enum:
    MAX_THREADS = 256
    WORK_PER_THREAD = 15000     # nanoseconds: waking a thread costs some 5 of the caller's microseconds
    CHUNKS = 8                  # of units, for each thread
    SPINS = 1000                # a few microseconds of looking before the caller sleeps until the last unit is done

cdef int limit = 1              # threads for a call, the caller included
cdef int threads = 0            # that exist besides the callers
cdef bint busy = False          # a call has the pool
cdef pthread_mutex_t lock       # guards what follows
cdef pthread_cond_t wake
cdef pthread_cond_t finished
cdef const Call* job = NULL
cdef int places = 0             # how many threads may still join the job
cdef int active = 0             # how many work on it
cdef Py_ssize_t taken = 0       # the job's units that someone has
cdef Py_ssize_t chunk = 1


cdef void take_units(const Call* call) noexcept nogil:
    cdef Py_ssize_t begin
    while True:
        begin = fetch_add(&taken, chunk)
        if begin >= call.units:
            return
        call.kernel(call, begin, min(begin + chunk, call.units))


cdef void* help_out(void* unused) noexcept nogil:
    """What a thread of the pool does, for ever."""
    global places, active
    cdef const Call* call
    flush_denormals()
    pthread_mutex_lock(&lock)
    while True:
        while places == 0:
            pthread_cond_wait(&wake, &lock)
        places -= 1
        write_atomic(&active, active + 1)       # the caller looks at it without the lock
        call = job
        pthread_mutex_unlock(&lock)
        take_units(call)
        pthread_mutex_lock(&lock)
        write_atomic(&active, active - 1)
        if active == 0:
            pthread_cond_signal(&finished)


cdef void run_shared(const Call* call) noexcept nogil:
    """All units of the call, by as many threads as it is worth."""
    global threads, job, places, taken, chunk
    cdef Py_ssize_t helpers = min(min(<Py_ssize_t> read_atomic(&limit), call.units), call.work // WORK_PER_THREAD) - 1
    cdef int _
    if helpers < 1 or exchange(&busy, True):
        call.kernel(call, 0, call.units)
        return
    while threads < helpers and start_thread(help_out) == 0:
        threads += 1
    pthread_mutex_lock(&lock)
    job = call
    taken = 0
    chunk = max(1, call.units // ((helpers + 1) * CHUNKS))
    places = <int> min(helpers, threads)
    for _ in range(places):
        pthread_cond_signal(&wake)
    pthread_mutex_unlock(&lock)
    take_units(call)
    pthread_mutex_lock(&lock)
    places = 0
    pthread_mutex_unlock(&lock)
    for _ in range(SPINS):
        if read_atomic(&active) == 0:
            break
        relax()
    pthread_mutex_lock(&lock)
    while active > 0:
        pthread_cond_wait(&finished, &lock)
    pthread_mutex_unlock(&lock)
    write_atomic(<int*> &busy, False)


cdef void start_empty() noexcept nogil:
    """No threads, no call: at import, and in the child of a fork."""
    global threads, busy, places, active
    pthread_mutex_init(&lock, NULL)
    pthread_cond_init(&wake, NULL)
    pthread_cond_init(&finished, NULL)
    threads = places = active = 0
    busy = False


def get_num_threads() -> int:
    """How many threads share the work of one operation at most.

    >>> get_num_threads() >= 1
    True
    """
    return limit


def set_num_threads(int n) -> None:
    """Let at most n threads share the work of one operation; 1 keeps everything in the caller.

    At the start it is the number of cores that this process may use, or TINYGRAD_C_NUM_THREADS. Results do not depend on
    it, not in their last bit. Raises RuntimeError if n is not positive.

    >>> set_num_threads(2)
    >>> get_num_threads()
    2
    """
    if n < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {n}; 1 means no threads but the caller's")
    write_atomic(&limit, min(n, MAX_THREADS))       # other threads may be computing


def default_num_threads() -> int:
    """TINYGRAD_C_NUM_THREADS, or else the cores that this process may use."""
    wanted = os.environ.get("TINYGRAD_C_NUM_THREADS", "")
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise ImportError(f"TINYGRAD_C_NUM_THREADS={wanted!r} is not a positive integer: set it to one, or unset it to use "
                              "every core that this process may use")
        return min(int(wanted), MAX_THREADS)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


start_empty()
pthread_atfork(NULL, NULL, start_empty)
set_num_threads(default_num_threads())

"""The thread pool: shares the units of one Call among threads.

Worker threads start when a call first needs them. After each call they spin for 200 microseconds, waiting for the next one,
and then sleep. A call is published under the lock with the number of workers that may join it. Its units are divided into one
range per thread, so that a core gets the same part of a tensor in one operation after the other and has it in its cache. Each
thread takes units from an atomic counter, a few at a time: from its own range first, then from the others. When no units are
left, the caller closes the call: a worker that has not woken by then does not join, and the caller waits only for workers in
the middle of a unit. So a core that is busy with another process delays a call by one unit at most.

Which calls are shared: long ones always. Short ones, of a few microseconds, only with workers that are spinning at that moment,
and only while calls that could be shared take most of the time (`dense`); otherwise a worker would spin, and keep a core busy,
only to wait. If another process wants the core, a worker yields it and no longer counts as spinning; if it loses the core in
the middle of a short call, no short call is shared for a while.

One call at a time uses the pool. A second one, from another Python thread, runs on its caller alone. A child of fork()
starts without workers.
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
    int fetch_add_int "fetch_add"(int* counter, int n) noexcept
    bint exchange(bint* flag, bint value) noexcept
    int read_atomic(int* counter) noexcept
    void write_atomic(int* number, int value) noexcept
    void relax() noexcept
    void yield_core() noexcept
    long long nanoseconds() noexcept

cdef enum:
    MAX_THREADS = 256
    WORK_PER_THREAD = 30000     # nanoseconds: a sleeping worker takes 20 to 30 microseconds to wake
    WORK_PER_SPINNING = 1000    # nanoseconds: a spinning worker joins in less than 1 microsecond
    CHUNKS = 8                  # chunks of units per thread
    SPINS_PER_YIELD = 1000      # spins of a worker before it yields its core: about 10 microseconds
    CALLER_SPINS = 1000         # spins of the caller before it sleeps until the last unit is done
    SPIN_TIME = 200000          # nanoseconds that a worker spins before it sleeps
    WINDOW = 200000             # nanoseconds over which the share of time spent in calls is measured
    DENSE = 85                  # percent of the time in calls: above it short calls are shared,
    SPARSE = 70                 # below it they are not
    BACKOFF = 30                # a short call that waited t for a worker that lost its core stops sharing for 30 t

ctypedef struct Range:
    Py_ssize_t next             # the first unit not yet taken
    Py_ssize_t end
    char[48] padding            # one cache line per range: no false sharing


cdef int limit = 1              # most threads per call, including the caller
cdef int threads = 0            # workers that exist
cdef int threads_begun = 0      # workers that have taken their number
cdef bint busy = False          # a call uses the pool
cdef pthread_mutex_t lock       # guards the variables below
cdef pthread_cond_t wake
cdef pthread_cond_t finished
cdef const Call* job = NULL
cdef int slots = 0              # workers that may still join the job
cdef int active = 0             # workers that run units of it
cdef int spinning = 0           # workers that spin, waiting for a call: atomic
cdef int ranges = 1             # ranges of the job's units: one per thread that may take part
cdef Range[MAX_THREADS] range_of
cdef Py_ssize_t chunk = 1
cdef int dense = False          # short calls are shared too; read without the lock, like wake_one
cdef int wake_one = False       # wake one more worker for the next short call
cdef long long window = 0       # start of the measured window; may lie in the future
cdef long long in_calls = 0     # nanoseconds of the window spent in calls that could be shared


cdef void take_units(const Call* call, int first) noexcept nogil:
    """Runs units of the range `first`, then of the other ranges."""
    cdef Range* r
    cdef Py_ssize_t begin
    cdef int i
    for i in range(ranges):
        r = &range_of[(first + i) % ranges]
        while True:
            begin = fetch_add(&r.next, chunk)
            if begin >= r.end:
                break
            call.kernel(call, begin, min(begin + chunk, r.end))


cdef void* worker(void* unused) noexcept nogil:
    """The main loop of a worker thread; never returns."""
    global slots, active, spinning, threads_begun
    cdef const Call* call
    cdef long long since
    cdef int number, _
    flush_denormals()
    pthread_mutex_lock(&lock)
    threads_begun += 1
    number = threads_begun
    while True:
        if slots == 0:
            fetch_add_int(&spinning, 1)
            pthread_mutex_unlock(&lock)
            since = nanoseconds()
            while read_atomic(&slots) == 0 and nanoseconds() - since < SPIN_TIME:
                for _ in range(SPINS_PER_YIELD):
                    if read_atomic(&slots) > 0:
                        break
                    relax()
                else:
                    fetch_add_int(&spinning, -1)
                    yield_core()    # to another process: it keeps the core past SPIN_TIME, and the worker sleeps after that
                    fetch_add_int(&spinning, 1)
            pthread_mutex_lock(&lock)
            fetch_add_int(&spinning, -1)
            if slots == 0:
                pthread_cond_wait(&wake, &lock)     # until a call is published; it may be over by then
                continue
        write_atomic(&slots, slots - 1)
        write_atomic(&active, active + 1)       # the caller reads it without the lock
        call = job
        pthread_mutex_unlock(&lock)
        take_units(call, number)
        pthread_mutex_lock(&lock)
        write_atomic(&active, active - 1)
        if active == 0:
            pthread_cond_signal(&finished)


cdef bint is_short(const Call* call) noexcept nogil:
    """Too short to be shared, or to spend time on the decision."""
    return call.work < 2 * WORK_PER_SPINNING or read_atomic(&limit) == 1 and call.work < WORK_PER_THREAD


cdef Py_ssize_t useful_workers(const Call* call) noexcept nogil:
    """How many workers, of those that would join in time, make the call faster."""
    cdef Py_ssize_t helpers = call.work // WORK_PER_THREAD - 1
    if not read_atomic(&dense):
        return helpers
    return max(helpers, min(call.work // WORK_PER_SPINNING - 1, <Py_ssize_t> read_atomic(&spinning) + read_atomic(&wake_one)))


cdef void measure_load(long long took, long long now) noexcept nogil:
    """After each call that could be shared: measures the share of the time that such calls take, and sets `dense`."""
    global dense, wake_one, window, in_calls
    if now < window:
        return
    in_calls += took
    if now - window < WINDOW:
        return
    if in_calls * 100 > (now - window) * DENSE:
        write_atomic(&dense, True)
    elif in_calls * 100 < (now - window) * SPARSE:
        write_atomic(&dense, False)
    write_atomic(&wake_one, dense and read_atomic(&spinning) < read_atomic(&limit) - 1)
    window = now
    in_calls = 0


cdef void share(const Call* call, int helpers) noexcept nogil:
    """Runs all units of the call on the caller and at most `helpers` workers."""
    global threads, job, ranges, chunk, window, in_calls
    cdef Py_ssize_t units = call.units
    cdef long long since
    cdef int i, _
    while threads < helpers and start_thread(worker) == 0:
        threads += 1
    pthread_mutex_lock(&lock)
    job = call
    ranges = helpers + 1
    chunk = max(1, units // (ranges * CHUNKS))
    for i in range(ranges):
        range_of[i].next = units * i // ranges
        range_of[i].end = units * (i + 1) // ranges
    write_atomic(&wake_one, False)
    write_atomic(&slots, min(helpers, threads))
    for _ in range(slots - read_atomic(&spinning)):
        pthread_cond_signal(&wake)
    pthread_mutex_unlock(&lock)
    take_units(call, 0)
    pthread_mutex_lock(&lock)
    write_atomic(&slots, 0)
    pthread_mutex_unlock(&lock)
    for _ in range(CALLER_SPINS):
        if read_atomic(&active) == 0:
            return
        relax()
    since = nanoseconds()
    pthread_mutex_lock(&lock)
    while active > 0:
        pthread_cond_wait(&finished, &lock)
    if call.work < 2 * WORK_PER_THREAD:
        write_atomic(&dense, False)
        window = nanoseconds() + BACKOFF * (nanoseconds() - since)
        in_calls = 0
    pthread_mutex_unlock(&lock)


cdef void run_shared(const Call* call) noexcept nogil:
    """Runs all units of the call, on as many threads as make it faster."""
    cdef long long began = nanoseconds()
    cdef long long now
    run_on(call, 1 + min(useful_workers(call), <Py_ssize_t> read_atomic(&limit) - 1))
    now = nanoseconds()
    pthread_mutex_lock(&lock)
    measure_load(now - began, now)
    pthread_mutex_unlock(&lock)


cdef void run_on(const Call* call, Py_ssize_t most) noexcept nogil:
    """Runs all units of the call, on at most so many threads; on the caller alone if another call uses the pool."""
    cdef Py_ssize_t helpers = min(min(most, call.units), <Py_ssize_t> MAX_THREADS) - 1
    if helpers < 1 or exchange(&busy, True):
        call.kernel(call, 0, call.units)
    else:
        share(call, <int> helpers)
        write_atomic(<int*> &busy, False)


cdef void reset_pool() noexcept nogil:
    """Resets the pool to no workers and no call: at import, and in the child of fork()."""
    global threads, threads_begun, busy, slots, active, spinning, dense, wake_one, window, in_calls
    pthread_mutex_init(&lock, NULL)
    pthread_cond_init(&wake, NULL)
    pthread_cond_init(&finished, NULL)
    threads = threads_begun = slots = active = spinning = 0
    window = in_calls = 0
    busy = dense = wake_one = False


def get_num_threads() -> int:
    """How many threads share the work of one operation at most.

    >>> get_num_threads() >= 1
    True
    """
    return limit


def set_num_threads(int n) -> None:
    """Let at most n threads share the work of one operation; 1 keeps everything in the caller.

    The default is TINYGRAD_C_NUM_THREADS, OMP_NUM_THREADS, or the number of cores that this process may use. Results are
    bitwise the same for every n. Raises RuntimeError if n is not positive.

    >>> set_num_threads(2)
    >>> get_num_threads()
    2
    """
    if n < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {n}; 1 means no threads but the caller's")
    write_atomic(&limit, min(n, MAX_THREADS))       # atomic: other threads may be running kernels


def default_num_threads() -> int:
    """TINYGRAD_C_NUM_THREADS, OMP_NUM_THREADS, or the number of cores that this process may use.

    There is no OpenMP here, but joblib, Dask and mpirun set OMP_NUM_THREADS so that their processes share the cores.
    """
    wanted = os.environ.get("TINYGRAD_C_NUM_THREADS", "")
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise ImportError(f"TINYGRAD_C_NUM_THREADS={wanted!r} is not a positive integer: set it to one, or unset it to use "
                              "every core that this process may use")
        return min(int(wanted), MAX_THREADS)
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()        # "4,2": of nested loops
    if wanted.isdecimal() and int(wanted) >= 1:
        return min(int(wanted), MAX_THREADS)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


reset_pool()
pthread_atfork(NULL, NULL, reset_pool)
set_num_threads(default_num_threads())

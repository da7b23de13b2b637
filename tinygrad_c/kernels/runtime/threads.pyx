"""The thread pool: shares the units of one Call among threads.

The threads are made when a call first needs them, look for the next call for 200 microseconds after each, and then sleep.
A call is published under the lock with the number of threads that may join it. Its units are cut into one range a thread, so
that a core meets the same part of a tensor in one operation after the other, and has it in its cache. Each takes units from an
atomic counter, a few at a time: of its own range first, then of the others'. When the units are out the caller closes the call:
a thread that has not woken by then does not join, and the caller waits only for those in the middle of a unit. So a core that
is busy with another process delays a call by one unit at most.

Which calls are shared: long ones always; short ones, of a few microseconds, only by threads that look for work at that moment,
and only while calls that could be shared take most of the time (`dense`). Else a thread would be kept awake, and a core busy,
to wait. Where another process wants the core, a thread gives way and no longer looks; if it loses the core in the middle of a
short call, none is shared for a while.

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
    int fetch_add_int "fetch_add"(int* counter, int n) noexcept
    bint exchange(bint* flag, bint value) noexcept
    int read_atomic(int* counter) noexcept
    void write_atomic(int* number, int value) noexcept
    void relax() noexcept
    void give_way() noexcept
    long long nanoseconds() noexcept

cdef enum:
    MAX_THREADS = 256
    WORK_PER_THREAD = 30000     # nanoseconds: a sleeping thread takes 20 to 30 microseconds to come,
    WORK_PER_AWAKE = 1000       # one that looks for work less than one
    CHUNKS = 8                  # of units, for each thread
    TURNS = 1000                # of looking for a call before a thread gives way: some ten microseconds
    SPINS = 1000                # turns of looking before the caller sleeps until the last unit is done
    AWAKE = 200000              # nanoseconds before a thread without a call sleeps
    WINDOW = 200000             # nanoseconds over which the calls' share of the time is measured
    DENSE = 85                  # percent: above, short calls are shared,
    SPARSE = 70                 # below, they are not
    PAUSE = 30                  # how many times as long as a short call waited for a thread without a core none is shared

ctypedef struct Range:
    Py_ssize_t next             # the first unit that nobody has
    Py_ssize_t end
    char[48] rest               # a cache line each


cdef int limit = 1              # threads for a call, the caller included
cdef int threads = 0            # that exist besides the callers
cdef int threads_begun = 0      # that have a number
cdef bint busy = False          # a call has the pool
cdef pthread_mutex_t lock       # guards what follows
cdef pthread_cond_t wake
cdef pthread_cond_t finished
cdef const Call* job = NULL
cdef int places = 0             # how many threads may still join the job
cdef int active = 0             # how many work on it
cdef int awake = 0              # how many have no call, and look for one: atomic
cdef int ranges = 1             # of the job's units: one for each thread that it is worth
cdef Range[MAX_THREADS] range_of
cdef Py_ssize_t chunk = 1
cdef int dense = False          # share short calls too: read without the lock, as rouse
cdef int rouse = False          # and wake one more thread for the next one
cdef long long window = 0       # when the measured time began, or will
cdef long long in_calls = 0     # nanoseconds of it in calls that could be shared


cdef void take_units(const Call* call, int first) noexcept nogil:
    """Units of the range `first`, then of the others."""
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


cdef void* help_out(void* unused) noexcept nogil:
    """What a thread of the pool does, for ever."""
    global places, active, awake, threads_begun
    cdef const Call* call
    cdef long long since
    cdef int number, _
    flush_denormals()
    pthread_mutex_lock(&lock)
    threads_begun += 1
    number = threads_begun
    while True:
        if places == 0:
            fetch_add_int(&awake, 1)
            pthread_mutex_unlock(&lock)
            since = nanoseconds()
            while read_atomic(&places) == 0 and nanoseconds() - since < AWAKE:
                for _ in range(TURNS):
                    if read_atomic(&places) > 0:
                        break
                    relax()
                else:
                    fetch_add_int(&awake, -1)
                    give_way()      # to another process: this core is away for longer then, and the thread sleeps after it
                    fetch_add_int(&awake, 1)
            pthread_mutex_lock(&lock)
            fetch_add_int(&awake, -1)
            if places == 0:
                pthread_cond_wait(&wake, &lock)     # for a call, which may be done by then: others will follow
                continue
        write_atomic(&places, places - 1)
        write_atomic(&active, active + 1)       # the caller looks at it without the lock
        call = job
        pthread_mutex_unlock(&lock)
        take_units(call, number)
        pthread_mutex_lock(&lock)
        write_atomic(&active, active - 1)
        if active == 0:
            pthread_cond_signal(&finished)


cdef bint is_short(const Call* call) noexcept nogil:
    """Too short to be shared at all, or to ask by how many."""
    return call.work < 2 * WORK_PER_AWAKE or read_atomic(&limit) == 1 and call.work < WORK_PER_THREAD


cdef Py_ssize_t worth(const Call* call) noexcept nogil:
    """How many threads besides the caller the call is worth, of those that would come in time."""
    cdef Py_ssize_t helpers = call.work // WORK_PER_THREAD - 1
    if not read_atomic(&dense):
        return helpers
    return max(helpers, min(call.work // WORK_PER_AWAKE - 1, <Py_ssize_t> read_atomic(&awake) + read_atomic(&rouse)))


cdef void note(long long took, long long now) noexcept nogil:
    """A call that could be shared has been done, by however many: how much of the time do such calls take?"""
    global dense, rouse, window, in_calls
    if now < window:
        return
    in_calls += took
    if now - window < WINDOW:
        return
    if in_calls * 100 > (now - window) * DENSE:
        write_atomic(&dense, True)
    elif in_calls * 100 < (now - window) * SPARSE:
        write_atomic(&dense, False)
    write_atomic(&rouse, dense and read_atomic(&awake) < read_atomic(&limit) - 1)
    window = now
    in_calls = 0


cdef void share(const Call* call, int helpers) noexcept nogil:
    """All units of the call, by the caller and so many threads, or fewer."""
    global threads, job, ranges, chunk, window, in_calls
    cdef Py_ssize_t units = call.units
    cdef long long since
    cdef int i, _
    while threads < helpers and start_thread(help_out) == 0:
        threads += 1
    pthread_mutex_lock(&lock)
    job = call
    ranges = helpers + 1
    chunk = max(1, units // (ranges * CHUNKS))
    for i in range(ranges):
        range_of[i].next = units * i // ranges
        range_of[i].end = units * (i + 1) // ranges
    write_atomic(&rouse, False)
    write_atomic(&places, min(helpers, threads))
    for _ in range(places - read_atomic(&awake)):
        pthread_cond_signal(&wake)
    pthread_mutex_unlock(&lock)
    take_units(call, 0)
    pthread_mutex_lock(&lock)
    write_atomic(&places, 0)
    pthread_mutex_unlock(&lock)
    for _ in range(SPINS):
        if read_atomic(&active) == 0:
            return
        relax()
    since = nanoseconds()
    pthread_mutex_lock(&lock)
    while active > 0:
        pthread_cond_wait(&finished, &lock)
    if call.work < 2 * WORK_PER_THREAD:
        write_atomic(&dense, False)
        window = nanoseconds() + PAUSE * (nanoseconds() - since)
        in_calls = 0
    pthread_mutex_unlock(&lock)


cdef void run_shared(const Call* call) noexcept nogil:
    """All units of the call, by as many threads as it is worth."""
    cdef long long began = nanoseconds()
    cdef long long now
    cdef Py_ssize_t helpers = min(min(worth(call), <Py_ssize_t> read_atomic(&limit) - 1), call.units - 1)
    if helpers < 1 or exchange(&busy, True):
        call.kernel(call, 0, call.units)
    else:
        share(call, <int> helpers)
        write_atomic(<int*> &busy, False)
    now = nanoseconds()
    pthread_mutex_lock(&lock)
    note(now - began, now)
    pthread_mutex_unlock(&lock)


cdef void start_empty() noexcept nogil:
    """No threads, no call: at import, and in the child of a fork."""
    global threads, threads_begun, busy, places, active, awake, dense, rouse, window, in_calls
    pthread_mutex_init(&lock, NULL)
    pthread_cond_init(&wake, NULL)
    pthread_cond_init(&finished, NULL)
    threads = threads_begun = places = active = awake = 0
    window = in_calls = 0
    busy = dense = rouse = False


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

"""Sorting, selection and search along contiguous rows.

Each element becomes an unsigned key with the order of the elements: -0 equals 0, NaN is the largest. In descending order the
key's bits are inverted. An item is a key with its index: for dtypes of up to 32 bits both in one uint64, else a struct. Items
are copied from x first, so that another thread that writes x cannot change what is compared.

    sort_rows     operand 0: int64 indices [rows, count] of the first `count` elements in order, stable; 1: x; 2: scratch memory
    top_rows      the same for count <= FEW, without scratch memory
    select_rows   operand 0: int64 index [rows] of the element at position ORDER_RANK, the first of equal ones; 1: x; 2: scratch
    search_rows   operand 0: int64 [rows, count], where to insert x; 1: x [rows, count]; 2: sorted bounds [rows, length]
    group_row     operand 0: int64 [length], the group of each element: equal elements are a group; 1: x; 2: its sorted indices;
                  3: int64, where each group begins in the sorted order; 4: int64, the number of groups
    count_values  operand 0: int64 or double [count], how often 0, 1, ... occur; 1: int64 x; 2: double weights, or NULL

A unit is a row.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from tinygrad_c.kernels.call cimport *

cdef enum:
    SHORT = 40                  # items: up to so many, insertion sort is faster than counting sort
    BYTE = 256                  # values of a byte

ctypedef struct Pair:
    uint64_t key
    int64_t index

ctypedef fused item:
    uint64_t                    # key << 32 | index
    Pair

ctypedef fused number:
    uint8_t
    int32_t
    int64_t
    float
    double


# ---- Keys

cdef inline uint64_t key_of(number value) noexcept nogil:
    """An unsigned number with the order of the values: of 32 bits, or of 64 for int64 and double."""
    cdef uint32_t bits
    cdef uint64_t wide
    if number is uint8_t:
        return value
    elif number is int32_t:
        return <uint32_t> value ^ <uint32_t> 0x80000000
    elif number is int64_t:
        return <uint64_t> value ^ (<uint64_t> 1 << 63)
    elif number is float:
        if value != value:
            return <uint32_t> 0xffffffff
        if value == 0:
            return <uint32_t> 0x80000000
        memcpy(&bits, &value, 4)
        return bits ^ (<uint32_t> 0xffffffff if bits >> 31 else <uint32_t> 0x80000000)
    else:
        if value != value:
            return ~<uint64_t> 0
        if value == 0:
            return <uint64_t> 1 << 63
        memcpy(&wide, &value, 8)
        return wide ^ (~<uint64_t> 0 if wide >> 63 else <uint64_t> 1 << 63)


cdef inline bint is_wide(int64_t dtype) noexcept nogil:
    return dtype == INT64 or dtype == FLOAT64


cdef inline void load_of(item* out, const number* x, Py_ssize_t n, bint descending) noexcept nogil:
    cdef uint64_t flip = ~<uint64_t> 0 if descending else 0
    cdef Py_ssize_t i
    for i in range(n):
        if item is Pair:
            out[i].key = key_of(x[i]) ^ flip
            out[i].index = i
        else:
            out[i] = (key_of(x[i]) ^ flip) << 32 | <uint64_t> i


cdef inline void load_items(item* out, int64_t dtype, const char* x, Py_ssize_t n, bint descending) noexcept nogil:
    """The items of x[0..n-1]."""
    if item is Pair:
        if dtype == INT64:
            load_of(out, <const int64_t*> x, n, descending)
        else:
            load_of(out, <const double*> x, n, descending)
    else:
        if dtype == FLOAT32:
            load_of(out, <const float*> x, n, descending)
        elif dtype == INT32:
            load_of(out, <const int32_t*> x, n, descending)
        else:
            load_of(out, <const uint8_t*> x, n, descending)


cdef inline uint64_t rank(item each) noexcept nogil:
    """Compares as the items: their keys and, where those are in one number with it, their indices."""
    if item is Pair:
        return each.key
    else:
        return each


cdef inline int64_t index_in(item each) noexcept nogil:
    if item is Pair:
        return each.index
    else:
        return <int64_t> (each & <uint64_t> 0xffffffff)


cdef inline int n_bytes(item each) noexcept nogil:
    """Bytes of a key."""
    if item is Pair:
        return 8
    else:
        return 4


cdef inline int digit(item each, int byte) noexcept nogil:
    """A byte of the key; 0 is the lowest."""
    if item is Pair:
        return <int> ((each.key >> (8 * byte)) & 255)
    else:
        return <int> ((each >> (32 + 8 * byte)) & 255)


# ---- Sorting

cdef inline void insertion_sort(item* a, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef item each
    for i in range(1, n):
        each = a[i]
        j = i
        while j > 0 and rank(a[j - 1]) > rank(each):
            a[j] = a[j - 1]
            j -= 1
        a[j] = each


cdef inline item* counting_sort(item* a, item* spare, Py_ssize_t n) noexcept nogil:
    """Radix sort, the lowest byte first. Returns the sorted one of a and spare."""
    cdef Py_ssize_t[8][BYTE] count
    cdef Py_ssize_t[BYTE] start
    cdef Py_ssize_t i, total
    cdef item* swap
    cdef int byte, value, bytes_ = n_bytes(a[0])
    memset(count, 0, bytes_ * sizeof(count[0]))
    for i in range(n):
        for byte in range(bytes_):
            count[byte][digit(a[i], byte)] += 1
    for byte in range(bytes_):
        if count[byte][digit(a[0], byte)] == n:         # all keys have the same byte
            continue
        total = 0
        for value in range(BYTE):
            start[value] = total
            total += count[byte][value]
        for i in range(n):
            value = digit(a[i], byte)
            spare[start[value]] = a[i]
            start[value] += 1
        swap = a
        a = spare
        spare = swap
    return a


cdef inline void sort_row(item* scratch, const Call* call, Py_ssize_t row, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t n = call.shape[ORDER_LENGTH], count = call.shape[ORDER_COUNT], i
    cdef int64_t* out = <int64_t*> call.operand[0].data + row * count
    cdef item* a = scratch + row * 2 * n
    load_items(a, call.param[ORDER_DTYPE].i, call.operand[1].data + row * n * size, n, call.param[ORDER_DESCENDING].i)
    if n <= SHORT:
        insertion_sort(a, n)
    else:
        a = counting_sort(a, a + n, n)
    for i in range(count):
        out[i] = index_in(a[i])


cdef void sort_rows(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t row
    for row in range(begin, end):
        if is_wide(call.param[ORDER_DTYPE].i):
            sort_row(<Pair*> call.operand[2].data, call, row, call.operand[1].itemsize)
        else:
            sort_row(<uint64_t*> call.operand[2].data, call, row, call.operand[1].itemsize)


# ---- The first few

cdef inline void top_row(item unused, const Call* call, Py_ssize_t row, Py_ssize_t size) noexcept nogil:
    """Keeps the best items so far in order; most others are refused by one comparison."""
    cdef Py_ssize_t n = call.shape[ORDER_LENGTH], count = call.shape[ORDER_COUNT], at = count, part, i, j
    cdef int64_t* out = <int64_t*> call.operand[0].data + row * count
    cdef const char* x = call.operand[1].data + row * n * size
    cdef item[FEW] best
    cdef item[BYTE] block
    cdef item each
    load_items(best, call.param[ORDER_DTYPE].i, x, count, call.param[ORDER_DESCENDING].i)
    insertion_sort(best, count)
    while at < n:
        part = min(n - at, BYTE)
        load_items(block, call.param[ORDER_DTYPE].i, x + at * size, part, call.param[ORDER_DESCENDING].i)
        for i in range(part):
            each = block[i]
            if item is Pair:
                each.index += at
            else:
                each += <uint64_t> at
            if rank(each) < rank(best[count - 1]):
                j = count - 1
                while j > 0 and rank(best[j - 1]) > rank(each):
                    best[j] = best[j - 1]
                    j -= 1
                best[j] = each
        at += part
    for i in range(count):
        out[i] = index_in(best[i])


cdef void top_rows(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Pair pair
    cdef Py_ssize_t row
    pair.key = pair.index = 0
    for row in range(begin, end):
        if is_wide(call.param[ORDER_DTYPE].i):
            top_row(pair, call, row, call.operand[1].itemsize)
        else:
            top_row(<uint64_t> 0, call, row, call.operand[1].itemsize)


# ---- Selection

cdef inline void select_row(item* scratch, const Call* call, Py_ssize_t row, Py_ssize_t size) noexcept nogil:
    """Radix selection: keeps the items whose highest bytes are those of the wanted one, a byte more each time."""
    cdef Py_ssize_t n = call.shape[ORDER_LENGTH], wanted = call.param[ORDER_RANK].i, i, kept, below
    cdef Py_ssize_t[BYTE] count
    cdef item* a = scratch + row * n
    cdef int byte, value
    load_items(a, call.param[ORDER_DTYPE].i, call.operand[1].data + row * n * size, n, False)
    byte = n_bytes(a[0]) - 1
    while byte >= 0 and n > 1:
        memset(count, 0, sizeof(count))
        for i in range(n):
            count[digit(a[i], byte)] += 1
        below = value = 0
        while below + count[value] <= wanted:
            below += count[value]
            value += 1
        wanted -= below
        if count[value] < n:
            kept = 0
            for i in range(n):
                a[kept] = a[i]
                kept += digit(a[i], byte) == value
            n = kept
        byte -= 1
    (<int64_t*> call.operand[0].data)[row] = index_in(a[0])


cdef void select_rows(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t row
    for row in range(begin, end):
        if is_wide(call.param[ORDER_DTYPE].i):
            select_row(<Pair*> call.operand[2].data, call, row, call.operand[1].itemsize)
        else:
            select_row(<uint64_t*> call.operand[2].data, call, row, call.operand[1].itemsize)


# ---- Search

cdef inline void search_row(int64_t* out, const number* x, Py_ssize_t count, const number* bounds, Py_ssize_t n,
                            bint right) noexcept nogil:
    """Binary search without a branch on the comparisons."""
    cdef Py_ssize_t i, first, length, half
    cdef uint64_t wanted, found
    for i in range(count):
        wanted = key_of(x[i])
        first = 0
        length = n
        while length > 0:
            half = (length + 1) // 2
            found = key_of(bounds[first + half - 1])
            first += half if (found <= wanted if right else found < wanted) else 0
            length = length - half if length > 1 else 0
        out[i] = first


cdef void search_rows(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t count = call.shape[ORDER_COUNT], n = call.shape[ORDER_LENGTH], size = call.operand[1].itemsize, row
    cdef int64_t dtype = call.param[ORDER_DTYPE].i
    cdef bint right = call.param[ORDER_RIGHT].i
    cdef int64_t* out
    cdef const char* x
    cdef const char* bounds
    for row in range(begin, end):
        out = <int64_t*> call.operand[0].data + row * count
        x = call.operand[1].data + row * count * size
        bounds = call.operand[2].data + (0 if call.param[ORDER_SHARED].i else row * n * size)
        if dtype == FLOAT32:
            search_row(out, <const float*> x, count, <const float*> bounds, n, right)
        elif dtype == FLOAT64:
            search_row(out, <const double*> x, count, <const double*> bounds, n, right)
        elif dtype == INT64:
            search_row(out, <const int64_t*> x, count, <const int64_t*> bounds, n, right)
        elif dtype == INT32:
            search_row(out, <const int32_t*> x, count, <const int32_t*> bounds, n, right)
        else:
            search_row(out, <const uint8_t*> x, count, <const uint8_t*> bounds, n, right)


# ---- Groups of equal elements, and counts

cdef inline void group_of(const Call* call, const number* x) noexcept nogil:
    cdef int64_t* group = <int64_t*> call.operand[0].data
    cdef const int64_t* index = <const int64_t*> call.operand[2].data
    cdef int64_t* start = <int64_t*> call.operand[3].data
    cdef int64_t groups = 0
    cdef Py_ssize_t i
    for i in range(call.shape[ORDER_LENGTH]):
        if i == 0 or x[index[i]] != x[index[i - 1]]:        # NaN differs from itself
            start[groups] = i
            groups += 1
        group[index[i]] = groups - 1
    (<int64_t*> call.operand[4].data)[0] = groups


cdef void group_row(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef int64_t dtype = call.param[ORDER_DTYPE].i
    cdef const char* x = call.operand[1].data
    if dtype == FLOAT32:
        group_of(call, <const float*> x)
    elif dtype == FLOAT64:
        group_of(call, <const double*> x)
    elif dtype == INT64:
        group_of(call, <const int64_t*> x)
    elif dtype == INT32:
        group_of(call, <const int32_t*> x)
    else:
        group_of(call, <const uint8_t*> x)


cdef void count_values(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef const int64_t* x = <const int64_t*> call.operand[1].data
    cdef const double* weight = <const double*> call.operand[2].data
    cdef int64_t* count = <int64_t*> call.operand[0].data
    cdef double* total = <double*> call.operand[0].data
    cdef Py_ssize_t i
    cdef int64_t value
    for i in range(call.shape[ORDER_LENGTH]):
        value = x[i]
        if not 0 <= value < call.shape[ORDER_COUNT]:        # another thread wrote x after its range was found
            continue
        if weight == NULL:
            count[value] += 1
        else:
            total[value] += weight[i]

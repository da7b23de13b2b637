"""Guards: the Python objects that a recorded step depends on. Part of program.pyx."""

cdef extern from *:
    """
    #if PY_VERSION_HEX < 0x030C0000         /* a number that no two states of dicts share; deprecated since 3.12 */
    #define dict_version(dict) (((PyDictObject*)(dict))->ma_version_tag)
    #else
    #define dict_version(dict) ((uint64_t)0)
    #endif
    """
    uint64_t dict_version(PyObject*)

cdef enum:                  # what a guard looks at
    WHOLE_DICT              # each value of a dict, but for the keys that are skipped
    ONE_ITEM                # a value of a dict, or that there is none
    ONE_ATTRIBUTE           # of an object or a class
    WHOLE_LIST
    ONE_CELL                # of a function's closure
    NOTHING                 # any more

ctypedef struct Guard:
    int kind
    PyObject* container
    Py_ssize_t first        # in Guards.values
    Py_ssize_t n
    uint64_t version        # of the dict, when it was last looked through; 0: never

ctypedef struct TensorGuard:
    PyObject* tensor
    PyObject* storage
    char* data
    int dtype
    int ndim
    bint requires_grad
    Py_ssize_t shape[MAX_NDIM]
    Py_ssize_t stride[MAX_NDIM]


cdef object ABSENT = object()        # the value of a key that a dict does not have
cdef frozenset SKIPPED = frozenset(("_step_count", "_first_gradient"))       # of an optimizer: they change at every step


@cython.final
@cython.binding(False)
cdef class Guards:
    """References are held, so that equal addresses mean the same object."""
    cdef list keep
    cdef list names             # of the guarded variables, for messages
    cdef Guard* guards
    cdef Py_ssize_t n
    cdef PyObject** values
    cdef Py_ssize_t n_values
    cdef TensorGuard* tensors
    cdef Py_ssize_t n_tensors
    cdef readonly list all_tensors

    def __cinit__(self):
        self.keep, self.names, self.all_tensors = [], [], []

    def __dealloc__(self):
        free(self.guards)
        free(self.values)
        free(self.tensors)

    cdef int add(self, int kind, object container, list values, str name) except -1:
        cdef Guard* guards = <Guard*> realloc(self.guards, (self.n + 1) * sizeof(Guard))
        cdef PyObject** flat
        if guards == NULL:
            raise MemoryError()
        self.guards = guards
        flat = <PyObject**> realloc(self.values, (self.n_values + len(values) + 1) * sizeof(PyObject*))
        if flat == NULL:
            raise MemoryError()
        self.values = flat
        self.keep.append(container)
        self.keep.append(values)
        self.names.append(name)
        guards[self.n].kind, guards[self.n].container = kind, <PyObject*> container
        guards[self.n].first, guards[self.n].n = self.n_values, len(values)
        guards[self.n].version = 0
        for value in values:
            flat[self.n_values] = NULL if value is ABSENT else <PyObject*> value
            self.n_values += 1
        self.n += 1
        return 0

    def add_dict(self, values, str name=""):
        flat = []
        if not isinstance(values, dict):
            raise TypeError("a dict is needed")
        for key, value in values.items():
            flat.append(key)
            flat.append(value)
        self.add(WHOLE_DICT, values, flat, name)

    def forget(self, container) -> None:
        """Drop the guards of a dict or list."""
        cdef Py_ssize_t i
        for i in range(self.n):
            if self.guards[i].container == <PyObject*> container:
                self.guards[i].kind = NOTHING

    def add_item(self, dict values not None, str key not None):
        self.add(ONE_ITEM, values, [key, values.get(key, ABSENT)], key)

    def add_attribute(self, each, str key not None):
        self.add(ONE_ATTRIBUTE, each, [key, getattr(each, key)], key)

    def add_list(self, list values not None, str name=""):
        self.add(WHOLE_LIST, values, list(values), name)

    def add_cell(self, cell, str name not None):
        if not PyCell_Check(cell):
            raise TypeError("a cell is needed")
        self.add(ONE_CELL, cell, [cell.cell_contents], name)

    def add_tensor(self, TensorBase t not None):
        cdef TensorGuard* tensors = <TensorGuard*> realloc(self.tensors, (self.n_tensors + 1) * sizeof(TensorGuard))
        cdef TensorGuard* g
        if tensors == NULL:
            raise MemoryError()
        self.tensors = tensors
        self.all_tensors.append(t)
        self.keep.append(t.storage)
        g = &tensors[self.n_tensors]
        g.tensor, g.storage, g.data = <PyObject*> t, <PyObject*> t.storage, t.data
        g.dtype, g.ndim, g.requires_grad = t.dtype, t.ndim, t._requires_grad
        memcpy(g.shape, t.shape, sizeof(g.shape))
        memcpy(g.stride, t.stride, sizeof(g.stride))
        self.n_tensors += 1

    cpdef bint hold(self) except -1:
        """Whether all guarded objects are unchanged."""
        return self.first_broken() < 0

    def broken(self) -> str:
        """The name of what has changed, for messages."""
        cdef Py_ssize_t i = self.first_broken()
        if i < 0:
            return ""
        if i >= self.n:
            return f"a tensor of shape {list(shape_of(<TensorBase> self.tensors[i - self.n].tensor))}"
        name = self.names[i]
        if self.guards[i].kind == WHOLE_DICT:
            return f"the dict {name!r}" if name else \
                f"an attribute among {', '.join(map(str, list(<object> self.guards[i].container)[:8]))}"
        if self.guards[i].kind == WHOLE_LIST:
            return f"the list {name!r}" if name else "a list"
        return f"the value of {name!r}"

    def broken_name(self) -> str:
        """The name of the variable or attribute that has changed, or ''."""
        cdef Py_ssize_t i = self.first_broken()
        return self.names[i] if 0 <= i < self.n else ""

    cdef Py_ssize_t first_broken(self) except -2:
        """The number of the first guard, or of the first tensor behind the guards, that does not hold; -1: there is none."""
        cdef Py_ssize_t i, k, position
        cdef Guard* g
        cdef PyObject** value
        cdef PyObject* key
        cdef PyObject* found
        cdef TensorGuard* t
        cdef TensorBase tensor
        cdef uint64_t version = 0
        for i in range(self.n):
            g = &self.guards[i]
            value = self.values + g.first
            if g.kind == WHOLE_DICT or g.kind == ONE_ITEM:
                version = dict_version(g.container)
                if version != 0 and version == g.version:
                    continue
            if g.kind == WHOLE_DICT:
                if 2 * PyDict_GET_SIZE(<object> g.container) != g.n:
                    return i
                position = 0
                k = 0
                while PyDict_Next(<object> g.container, &position, &key, &found):
                    if key != value[k] or (found != value[k + 1] and not <object> key in SKIPPED):
                        return i
                    k += 2
                g.version = version
            elif g.kind == ONE_ITEM:
                if PyDict_GetItemWithError(<object> g.container, <object> value[0]) != value[1]:
                    return i
                g.version = version
            elif g.kind == ONE_ATTRIBUTE:
                attribute = getattr(<object> g.container, <object> value[0], ABSENT)
                if <PyObject*> attribute != value[1]:
                    return i
            elif g.kind == WHOLE_LIST:
                if PyList_GET_SIZE(<object> g.container) != g.n:
                    return i
                for k in range(g.n):
                    if PyList_GET_ITEM(<object> g.container, k) != value[k]:
                        return i
            elif g.kind == ONE_CELL and PyCell_GET(<object> g.container) != value[0]:
                return i
        for i in range(self.n_tensors):
            t = &self.tensors[i]
            tensor = <TensorBase> t.tensor
            if (tensor.data != t.data or <PyObject*> tensor.storage != t.storage or tensor.dtype != t.dtype
                    or tensor.ndim != t.ndim or tensor._requires_grad != t.requires_grad or tensor._hooks is not None
                    or tensor._grad_fn is not None):
                return self.n + i
            for k in range(t.ndim):
                if tensor.shape[k] != t.shape[k] or tensor.stride[k] != t.stride[k]:
                    return self.n + i
        return -1

    cdef TensorBase at(self, const char* p):
        """The first tensor in whose memory p lies, or None."""
        cdef Py_ssize_t i
        cdef TensorBase t
        for i in range(self.n_tensors):
            t = <TensorBase> self.tensors[i].tensor
            if t.storage.data <= p < t.storage.data + max(t.storage.nbytes, 1):
                return t
        return None

"""Generates the elementwise kernels: writes generated/*.pxi and *.pxd from formulas.py. Run by setup.py before Cython.

    ids.pxd            an index for each elementwise kernel: K_TANH, K_TANH_DX, ...; their number
    elementwise.pxi    SIMD kernels for float and double                    (included in the modules of isa/)
    scalar_ids.pxd     indices for the rows of SCALAR: in a file of their own, so that a new scalar row does not recompile isa/
    scalar.pxi         scalar kernels for the rows of SCALAR                (included in generic.pyx)
    integers.pxi       integer kernels, a plain loop for each type          (included in generic.pyx)
    casts.pxi          conversions between two dtypes                       (included in generic.pyx)
    rows.pxi           the description of each row                          (included in ops/elementwise/elementwise.pyx)

The syntax tree of an expression is translated, bottom-up, into single assignments; common subexpressions are computed once. A
call of another row of the table that has no vector function of its own is inlined.
"""
from __future__ import annotations

import ast
import runpy
from pathlib import Path

HERE = Path(__file__).parent
OUT = HERE / "generated"
FORMULAS = runpy.run_path(str(HERE.parent / "formulas.py"))
TABLE = FORMULAS["VECTOR"]
SCALAR = FORMULAS["SCALAR"]
BANNER = "# Made by kernels/generate.py from formulas.py: do not edit.\n"

# Vector functions of math.pxi and math_double.pxi; any other function name is a row of the table.
VECTOR_FUNCTIONS = {"exp", "log", "log1p", "expm1", "log2", "tanh", "sigmoid", "erf", "normal_cdf", "sin", "cos", "tan",
                    "pow", "asin", "acos", "atan", "atan2", "sinh", "cosh", "exp2", "log10", "erfinv", "erfc", "fmod",
                    "remainder", "div_floor"}
FLOAT_FUNCTIONS = {"nextafter", "lgamma"}       # scalar rows whose float32 has a C function of its own, real_NAME_f32
DIRECT = {"where": "blend({}, {}, {})", "maximum": "vmax({}, {})", "minimum": "vmin({}, {})", "abs": "vabs({})",
          "sqrt": "vsqrt({})", "floor": "vfloor({})", "ceil": "vceil({})", "trunc": "vtrunc({})", "round": "vround({})",
          "copysign": "copysign_({}, {})"}      # functions of simd.h
COMPARISONS = {ast.Gt: ("gt", ">"), ast.GtE: ("ge", ">="), ast.Lt: ("lt", "<"), ast.LtE: ("le", "<="),
               ast.Eq: ("eq", "=="), ast.NotEq: ("ne", "!=")}
ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
INTEGERS = {"i64": ("int64_t", "INT64"), "i32": ("int32_t", "INT32"), "u8": ("uint8_t", "UINT8")}
DTYPES = {"BOOL": "uint8_t", "UINT8": "uint8_t", "INT32": "int32_t", "INT64": "int64_t", "FLOAT32": "float",
          "FLOAT64": "double"}
# Dtypes without kernels of their own are converted to one of these and back; other conversions of them take two steps.
LACKING = {"INT8": ("int8_t", ["INT32"]), "INT16": ("int16_t", ["INT32"]), "UINT16": ("uint16_t", ["INT64"]),
           "UINT32": ("uint32_t", ["INT64"]), "UINT64": ("uint64_t", ["INT64", "FLOAT32", "FLOAT64"]),
           "FLOAT16": ("uint16_t", ["FLOAT32"]), "BFLOAT16": ("uint16_t", ["FLOAT32"])}
HALVES = {"FLOAT16": ("from_half", "to_half"), "BFLOAT16": ("from_bfloat", "to_bfloat")}


class Translator:
    """Translates one expression into assignments, which `lines` holds in order."""

    def __init__(self, names: dict[str, str], masks: set[str]):
        self.names, self.masks, self.lines, self.seen = names, masks, [], {}

    def translate(self, expression: str) -> tuple[str, bool]:
        """The variable that holds the value, and whether it is a mask."""
        return self.visit(ast.parse(expression, mode="eval").body)

    def assign(self, code: str, is_mask: bool) -> tuple[str, bool]:
        if code not in self.seen:
            name = f"t{len(self.seen)}"
            self.seen[code] = name
            self.lines.append((name, self.type(is_mask), code))
        return self.seen[code], is_mask

    def visit(self, node: ast.expr) -> tuple[str, bool]:
        match node:
            case ast.Name(id=name):
                return self.names[name], name in self.masks
            case ast.Constant(value=value):
                return self.constant(value), False
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)):
                return self.constant(-value), False
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.assign(self.negative(self.visit(operand)[0]), False)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
                a, b = self.visit(left)[0], self.visit(right)[0]
                return self.assign(f"{a} {ARITHMETIC[type(op)]} {b}", False)
            case ast.BinOp(left=left, op=ast.BitAnd(), right=right):
                return self.assign(self.both(self.visit(left)[0], self.visit(right)[0]), True)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self.assign(self.compare(type(op), self.visit(left)[0], self.visit(right)[0]), True)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self.call(name, args)
        raise SyntaxError(f"the table's expressions cannot hold {ast.unparse(node)!r}")

    def call(self, name: str, args: list[ast.expr]) -> tuple[str, bool]:
        primitive = self.primitive(name)
        if primitive:
            return self.assign(primitive.format(*[self.visit(a)[0] for a in args]), False)
        row = TABLE[name]       # another row, which has no parameters: inline it
        substitute = dict(zip(row.inputs, args))

        class Substitute(ast.NodeTransformer):
            def visit_Name(self, node):
                return substitute.get(node.id, node)

        return self.visit(Substitute().visit(ast.parse(row.y, mode="eval").body))


class Vector(Translator):
    def type(self, is_mask):
        return "mask" if is_mask else "vec"

    def constant(self, value):
        return f"splat(<real> {float(value)!r})"

    def negative(self, a):
        return f"vneg({a})"

    def both(self, a, b):
        return f"mask_and({a}, {b})"

    def compare(self, op, a, b):
        return f"{COMPARISONS[op][0]}({a}, {b})"

    def primitive(self, name):
        if name in VECTOR_FUNCTIONS:
            return f"v_{name}(" + ("{}, {})" if name in ("pow", "atan2", "fmod", "remainder", "div_floor") else "{})")
        return DIRECT.get(name)


class Integer(Translator):
    def type(self, is_mask):
        return "bint" if is_mask else "T"

    def constant(self, value):
        return f"(<T> {int(value)})"

    def negative(self, a):
        return f"<T> (-{a})"

    def both(self, a, b):
        return f"{a} and {b}"

    def compare(self, op, a, b):
        return f"{a} {COMPARISONS[op][1]} {b}"

    def primitive(self, name):
        return {"where": "({1} if {0} else {2})", "maximum": "({0} if {0} > {1} else {1})",
                "minimum": "({0} if {0} < {1} else {1})", "abs": "<T> (-{0} if {0} < 0 else {0})"}.get(name)


def names_used(expression: str) -> list[str]:
    return [n.id for n in ast.walk(ast.parse(expression, mode="eval")) if isinstance(n, ast.Name)]


NEEDS_NO_KERNEL = {None: "NO_DERIVATIVE", "g": "DERIVATIVE_IS_G", "0": "DERIVATIVE_IS_0"}       # derivatives


def derivative_inputs(row, expression: str) -> list[str]:
    """The operands of a derivative's kernel: g, then the inputs and y, if used, in this order."""
    used = set(names_used(expression))
    return ["g", *[n for n in (*row.inputs, "y") if n in used]]


def kernels():
    """(name, expression, operands, row) for each kernel: a row's value, then its derivatives that need arithmetic."""
    for name, row in TABLE.items():
        yield name, row.y, list(row.inputs), row
        for which, expression in zip(row.inputs, row.derivatives):
            if expression not in NEEDS_NO_KERNEL:
                yield f"{name}_d{which}", expression, derivative_inputs(row, expression), row


def simd_kernels_of_scalar_rows():
    """The same for the rows of SCALAR that have a SIMD kernel: the value only."""
    for name, row in SCALAR.items():
        if row.vector:
            yield name, row.vector, list(row.inputs), row


def mask_operands(row, operands):
    return {n for n in operands if n == "condition"}


def number_of(kernel: str) -> str:
    """The name of a kernel's index. It has a prefix since other enums use the same names as the rows."""
    return "K_" + kernel.upper()


def vector_number_of(name: str) -> str:
    """The same for the SIMD kernel of a row of SCALAR, which has another index in scalar_ids.pxd."""
    return "V_" + name.upper()


def vector_kernel(name: str, expression: str, operands: list[str], row) -> str:
    masks = mask_operands(row, operands)
    to_bool = row.kind == FORMULAS["BOOLS"]
    translator = Vector({n: f"{n}_" for n in (*operands, *row.params)}, masks)
    value, _ = translator.translate(expression)
    used = [p for p in row.params if p in names_used(expression)]
    arguments = [f"{'mask' if n in masks else 'vec'} {n}_" for n in operands] + [f"vec {p}_" for p in used]
    result = "mask" if to_bool else "vec"
    f = [f"cdef inline {result} f_{name}({', '.join(arguments)}) noexcept nogil:"]
    f += [f"    cdef {t} {v} = {code}" for v, t, code in translator.lines]
    f += [f"    return {value}", "", ""]

    k = [f"cdef void {name}_inner(Py_ssize_t n, char** p, const Scalar* param) noexcept nogil:"]
    k += [f"    cdef {'uint8_t' if to_bool else 'real'}* out = <{'uint8_t' if to_bool else 'real'}*> p[0]"]
    for i, n in enumerate(operands, 1):
        ctype = "uint8_t" if n in masks else "real"
        k += [f"    cdef const {ctype}* {n} = <const {ctype}*> p[{i}]"]
    k += [f"    cdef vec {p}_ = splat(<real> param[{row.params.index(p)}].f)" for p in used]
    k += ["    cdef Py_ssize_t i = 0"]
    tail = [f"{p}_" for p in used]
    whole = [f"load_bool({n} + i, LANES)" if n in masks else f"load({n} + i)" for n in operands] + tail
    part = [f"load_bool({n} + i, n - i)" if n in masks else f"load_part({n} + i, n - i)" for n in operands] + tail
    put = ("store_bool(out + i, {}, LANES)", "store_bool(out + i, {}, n - i)") if to_bool else \
          ("store(out + i, {})", "store_part(out + i, {}, n - i)")
    k += ["    while i + LANES <= n:", "        " + put[0].format(f"f_{name}({', '.join(whole)})"), "        i += LANES",
          "    if i < n:", "        " + put[1].format(f"f_{name}({', '.join(part)})"), "", ""]
    return "\n".join(f + k)


def integer_kernel(prefix: str, ctype: str, name: str, expression: str, operands: list[str], row) -> str:
    masks = mask_operands(row, operands)
    to_bool = row.kind == FORMULAS["BOOLS"]
    translator = Integer({n: f"{n}_" for n in (*operands, *row.params)}, masks)
    value, _ = translator.translate(expression)
    used = [p for p in row.params if p in names_used(expression)]
    out = "uint8_t" if to_bool else ctype
    k = [f"cdef void {prefix}_{name}(Py_ssize_t n, char** p, const Scalar* param) noexcept nogil:",
         f"    cdef {out}* out = <{out}*> p[0]"]
    k += [f"    cdef const {'uint8_t' if n in masks else ctype}* {n} = <const {'uint8_t' if n in masks else ctype}*> p[{i}]"
          for i, n in enumerate(operands, 1)]
    k += [f"    cdef {ctype} {p}_ = <{ctype}> param[{row.params.index(p)}].i" for p in used]
    k += [f"    cdef {'bint' if n in masks else ctype} {n}_" for n in operands]
    k += [f"    cdef {'bint' if t == 'bint' else ctype} {v}" for v, t, _ in translator.lines]
    k += ["    cdef Py_ssize_t i", "    for i in range(n):"]
    k += [f"        {n}_ = {n}[i]" for n in operands]
    k += [f"        {v} = {code}".replace("<T>", f"<{ctype}>") for v, _, code in translator.lines]
    k += [f"        out[i] = <{out}> {value}".replace("<T>", f"<{ctype}>"), "", ""]
    return "\n".join(k)


def scalar_kernel(prefix: str, ctype: str, name: str, row) -> str:
    """A loop over the C function real_NAME, or whole_NAME for integers; `y` is one call of it."""
    out = "uint8_t" if row.kind == FORMULAS["BOOLS"] else ctype
    call = ast.parse(row.y, mode="eval").body
    assert call.func.id == name, row.y
    function = ("whole_" if prefix in INTEGERS else "real_") + name
    function += "_f32" if prefix == "f32" and name in FLOAT_FUNCTIONS else ""
    arguments = [f"{a.id}[i]" if a.id in row.inputs else f"param[{row.params.index(a.id)}].f" for a in call.args]
    k = [f"cdef void {prefix}_{name}(Py_ssize_t n, char** p, const Scalar* param) noexcept nogil:",
         f"    cdef {out}* out = <{out}*> p[0]", "    cdef Py_ssize_t i"]
    k += [f"    cdef const {ctype}* {x} = <const {ctype}*> p[{i}]" for i, x in enumerate(row.inputs, 1)]
    k += ["    for i in range(n):", f"        out[i] = <{out}> {function}({', '.join(arguments)})", "", ""]
    return "\n".join(k)


def scalar_kernels() -> str:
    """The kind of a row determines for which types it has kernels; the ops convert or reject the others."""
    text, register = [], ["cdef void register_scalars() noexcept:"]
    for name, row in SCALAR.items():
        types = {} if row.kind == FORMULAS["INTEGERS"] else {"f32": ("float", "FLOAT32"), "f64": ("double", "FLOAT64")}
        types |= INTEGERS if row.kind in (FORMULAS["INTEGERS"], FORMULAS["NUMBERS"]) else {}
        if row.vector:
            types = {p: t for p, t in types.items() if p in INTEGERS or (p == "f64" and row.through == FORMULAS["ONLY_SINGLE"])}
        for prefix, (ctype, dtype) in types.items():
            text.append(scalar_kernel(prefix, ctype, name, row))
            register.append(f"    scalars[{dtype}][{number_of(name)} - N_INNER] = {prefix}_{name}")
    vectors = ["", "", "cdef void register_vectors(Kernels* all) noexcept:", "    global doubles",
               "    doubles = &all[FLOAT64]"]
    for name, _, inputs, row in simd_kernels_of_scalar_rows():
        index = f"{number_of(name)} - N_INNER"
        if row.through != FORMULAS["ONLY_SINGLE"]:
            vectors.append(f"    scalars[FLOAT64][{index}] = all[FLOAT64].inner[{vector_number_of(name)}]")
        if row.through == FORMULAS["BOTH"]:
            vectors.append(f"    scalars[FLOAT32][{index}] = all[FLOAT32].inner[{vector_number_of(name)}]")
        else:
            vectors.append(f"    scalars[FLOAT32][{index}] = f32_{name}")
            text.append(f"cdef void f32_{name}(Py_ssize_t n, char** p, const Scalar* param) noexcept nogil:\n"
                        f"    widened({vector_number_of(name)}, {len(inputs)}, n, p)\n\n")
    return "\n".join(text + register + vectors) + "\n"


def cast_kernel(source: str, target: str) -> str:
    ctypes = DTYPES | {name: ctype for name, (ctype, _) in LACKING.items()}
    a, b = ctypes[source], ctypes[target]
    value = "x[i] != 0" if target == "BOOL" else "x[i]"
    if source in HALVES or target in HALVES:
        value = f"{HALVES[source][0] if source in HALVES else HALVES[target][1]}(x[i])"
    if source.startswith("FLOAT") and target == "UINT64":       # C leaves negative numbers undefined: modulo 2^64, as in torch
        value = "<uint64_t> x[i] if x[i] >= 9223372036854775808.0 else <uint64_t> <int64_t> x[i]"
    if source.startswith("FLOAT") and target in ("UINT8", "INT32"):
        value = "<int64_t> x[i]"
    return "\n".join([
        f"cdef void cast_{source.lower()}_{target.lower()}(Py_ssize_t n, char** p, const Scalar* param) noexcept nogil:",
        f"    cdef {b}* out = <{b}*> p[0]", f"    cdef const {a}* x = <const {a}*> p[1]", "    cdef Py_ssize_t i",
        "    for i in range(n):", f"        out[i] = <{b}> ({value})", "", ""])


def node_name(name: str) -> str:
    """The name of grad_fn, as PyTorch spells it: MulBackward0 for mul, and for mul by a number."""
    overloads = {"square": "PowBackward0", "pow": "PowBackward1", "rpow_number": "PowBackward2", "rsub_number": "RsubBackward1",
                 "log1p": "Log1PBackward0", "selu": "EluBackward0", "logsigmoid": "LogSigmoidBackward0",
                 "clamp": "ClampBackward1", "lerp": "LerpBackward1", "add_scaled": "AddBackward0",
                 "replace_nonfinite": "NanToNumBackward0"}
    if name in overloads:
        return overloads[name]
    stem = {"rdiv_number": "div", "gelu_tanh": "gelu", "softplus1": "softplus",
            "polygamma_n": "polygamma", "round_half_even": "round", "div_floor": "div", "div_trunc": "div", "cube": "pow",
            "prelu": "prelu_kernel"}.get(
        name, name.removesuffix("_number"))
    return "".join(part.capitalize() for part in stem.split("_")) + "Backward0"


def rows() -> str:
    """For each row: its name, the indices of its kernels, and the operands that each derivative reads, which must be saved.
    READS_, SAVES_ and KIND_ are defined in elementwise.pyx."""
    kinds = {FORMULAS[kind]: f"KIND_{kind}" for kind in ("FLOATS", "NUMBERS", "BOOLS", "INTEGERS")}
    lines = ["cdef void fill_rows() noexcept:"]
    for number, (name, row) in enumerate([*TABLE.items(), *SCALAR.items()]):
        lines += [f"    ROWS[{number}].rule.name = b\"{node_name(name)}\"", f"    ROWS[{number}].forward = {number_of(name)}",
                  f"    ROWS[{number}].n_inputs = {len(row.inputs)}", f"    ROWS[{number}].n_params = {len(row.params)}",
                  f"    ROWS[{number}].kind = {kinds[row.kind]}",
                  f"    ROWS[{number}].composed = {name in SCALAR}",
                  f"    ROWS[{number}].plain = {name in SCALAR and not row.vector}",
                  f"    ROWS[{number}].differentiable = {any(d is not None for d in row.derivatives)}"]
        for i, (which, expression) in enumerate(zip(row.inputs, row.derivatives)):
            if expression in NEEDS_NO_KERNEL:
                lines += [f"    ROWS[{number}].derivative[{i}] = {NEEDS_NO_KERNEL[expression]}"]
                continue
            operands = derivative_inputs(row, expression)
            names = {"g": "G", "y": "OUTPUT", **{each: f"INPUT{k}" for k, each in enumerate(row.inputs)}}
            saves = [f"SAVES_{names[n]}" for n in operands if n != "g"]
            kernel = "DERIVATIVE_COMPOSED" if name in SCALAR else number_of(f"{name}_d{which}")
            lines += [f"    ROWS[{number}].derivative[{i}] = {kernel}",
                      f"    ROWS[{number}].saves[{i}] = {' | '.join(saves) or 0}",
                      f"    ROWS[{number}].n_operands[{i}] = {len(operands)}"]
            lines += [f"    ROWS[{number}].operand[{i}][{j}] = READS_{names[n]}" for j, n in enumerate(operands)]
    return "\n".join(lines) + "\n"


def write(name: str, text: str) -> None:
    """Writes the file only if its text has changed, so that a second build has nothing to do."""
    path = OUT / name
    text = BANNER + text
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main() -> None:
    OUT.mkdir(exist_ok=True)
    (OUT / "__init__.py").touch()
    every, rare = list(kernels()), list(simd_kernels_of_scalar_rows())
    numbers = [*[number_of(k[0]) for k in every], *[vector_number_of(k[0]) for k in rare], "V_WIDEN", "V_NARROW"]
    ids = ["cdef enum:", *[f"    {number} = {i}" for i, number in enumerate(numbers)], f"    N_INNER = {len(numbers)}",
           f"    N_ROWS = {len(TABLE)}", "    NO_DERIVATIVE = -1", "    DERIVATIVE_IS_G = -2       # needs no kernel",
           "    DERIVATIVE_IS_0 = -4",
           *[f"    ROW_{name.upper()} = {i}" for i, name in enumerate(TABLE)]]
    write("ids.pxd", "\n".join(ids) + "\n")
    ids = ["from tinygrad_c.kernels.generated.ids cimport N_INNER, N_ROWS", "", "cdef enum:",
           "    DERIVATIVE_COMPOSED = -3   # evaluated on Tensors", f"    N_SCALAR = {len(SCALAR)}",
           f"    N_ALL_ROWS = {len(TABLE) + len(SCALAR)}",
           *[f"    {number_of(name)} = {len(numbers) + i}" for i, name in enumerate(SCALAR)],
           *[f"    ROW_{name.upper()} = {len(TABLE) + i}" for i, name in enumerate(SCALAR)]]
    write("scalar_ids.pxd", "\n".join(ids) + "\n")
    write("scalar.pxi", scalar_kernels())
    vectors = [vector_kernel(*k) for k in every + rare]
    register = ["cdef void register_elementwise(Kernels* k) noexcept:"]
    register += [f"    k.inner[{number_of(k[0])}] = {k[0]}_inner" for k in every]
    rare = [(f"k.inner[{vector_number_of(name)}] = {name}_inner", row.through == FORMULAS["BOTH"]) for name, _, _, row in rare]
    register += [f"    {line}" for line, both in rare if both]
    register += ["    if REAL_BITS == 64:", "        k.inner[V_WIDEN] = widen_inner",
                 "        k.inner[V_NARROW] = narrow_inner"]
    register += [f"        {line}" for line, both in rare if not both]
    write("elementwise.pxi", "\n".join(vectors) + "\n".join(register) + "\n")

    whole = [k for k in every if k[3].kind != FORMULAS["FLOATS"] and k[0] in TABLE]
    text = [integer_kernel(prefix, ctype, *k) for prefix, (ctype, _) in INTEGERS.items() for k in whole]
    text += ["cdef void register_integers(Kernels* all) noexcept:"]
    for prefix, (_, dtype) in INTEGERS.items():
        text += [f"    all[{dtype}].inner[{number_of(k[0])}] = {prefix}_{k[0]}" for k in whole]
    write("integers.pxi", "\n".join(text) + "\n")

    pairs = [(a, b) for a in DTYPES for b in DTYPES if a != b]
    pairs += [pair for a, (_, by) in LACKING.items() for b in by for pair in ((a, b), (b, a))]
    text = [cast_kernel(a, b) for a, b in pairs]
    text += ["cdef void register_casts() noexcept:", *[f"    casts[{a}][{b}] = cast_{a.lower()}_{b.lower()}" for a, b in pairs]]
    write("casts.pxi", "\n".join(text) + "\n")
    write("rows.pxi", rows())


if __name__ == "__main__":
    main()

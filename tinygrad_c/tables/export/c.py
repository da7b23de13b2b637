"""Exports a model as one C99 header: no malloc, no library except math.h, constants in read-only memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tinygrad_c.export.text import comment, identifier, quoted, real, single
from tinygrad_c.tables.export.rows import as_read, example_rows, inputs_of, plain_columns
from tinygrad_c.tables.features import EMBEDDING, Category, Date, Scale
from tinygrad_c.tables.model import TableModel
from tinygrad_c.tables.net import FREQUENCIES, PERIODIC_OUT
from tinygrad_c.tables.target import CLASSIFICATION

GOLDEN = 8  # rows in the self-test


@dataclass
class Header:
    """The header's text and costs: bytes of constants, bytes of stack, multiply-adds per row."""

    text: str
    name: str
    rom: int
    ram: int
    operations: int
    fields: list[tuple[str, str, bool]] = field(default_factory=list)  # column, name in C, whether it is text


def header(model: TableModel, name: str = "model", int8: bool = False) -> Header:
    """The header of a model. All its names begin with `name`."""
    name = identifier(name, set())
    writer = _Writer(model, name, int8)
    return writer.header()


class _Writer:
    def __init__(self, model: TableModel, name: str, int8: bool) -> None:
        self.model, self.name, self.int8 = model, name, int8
        self.encoder = model.encoder
        self.taken: set[str] = set()
        self.inputs = inputs_of(self.encoder)
        self.fields: list[tuple[str, str, bool]] = []
        seen: dict[str, str] = {}
        for column, text, _ in self.inputs:
            if column not in seen:
                seen[column] = identifier(column, self.taken)
                self.fields.append((column, seen[column], text))
        self.member = seen
        self.data: list[str] = []
        self.rom = self.operations = 0
        self.helpers: set[str] = set()

    # Parts

    def array(self, name: str, values: np.ndarray) -> str:
        values = np.asarray(values, dtype=np.float32)
        self.data.append(f"static const float {self.name}_{name}[{values.size}] = {{\n    {single(values)}}};")
        self.rom += 4 * values.size
        return f"{self.name}_{name}"

    def strings(self, name: str, texts: list[str]) -> str:
        lines = ",\n    ".join(map(quoted, texts))
        self.data.append(f"static const char *const {self.name}_{name}[{len(texts)}] = {{\n    {lines}}};")
        self.rom += sum(len(t.encode()) + 1 for t in texts) + 8 * len(texts)
        return f"{self.name}_{name}"

    def scale(self, s: Scale, at: list[int], lines: list[str], number: int) -> None:
        """C code that encodes a number v (missing if gap) into x."""
        n = self.name
        if s.pair is not None:
            lines.append(f"    x[{at[1]}] = gap ? 0.0f : v > {real((s.pair[0] + s.pair[1]) / 2)} ? 1.0f : -1.0f;")
            at[1] += 1
            return
        lines.append(f"    if (gap) v = {real(s.median)};")
        t = "v" if s.unit is None else f"{n}_log(v, {real(s.unit)})"
        if s.unit is not None:
            self.helpers.add("log")
        self.helpers.add("squeeze")
        lines.append(f"    x[{at[0]}] = {n}_squeeze(({t} - {real(s.centre)}) * {real(s.factor)});")
        at[0] += 1
        if s.linear is not None:
            self.helpers.add("cut")
            lines.append(
                f"    x[{at[1]}] = gap ? 0.0f : {n}_cut((v - {real(s.linear[0])}) / {real(s.linear[1])}, -30.0, 30.0);"
            )
            at[1] += 1
        if s.edges:
            self.helpers.add("bins")
            edges = ", ".join(map(real, s.edges))
            self.data.append(f"static const double {n}_edges{number}[{len(s.edges)}] = {{{edges}}};")
            self.rom += 8 * len(s.edges)
            lines.append(f"    {n}_bins(x + {at[2]}, {n}_edges{number}, {len(s.edges) - 1}, v, gap);")
            at[2] += len(s.edges) - 1

    def encoding(self) -> list[str]:
        """The C function that encodes a row into x and codes."""
        n, e = self.name, self.encoder
        at = [0, e.z, e.z + e.plain]
        code = 0
        lines = []
        for i, (column, _, f) in enumerate(self.inputs):
            member = self.member[column]
            lines.append(f"    /* {comment(column)} */")
            if isinstance(f, Category):
                index = (
                    f"{n}_find({self.strings(f'levels{i}', sorted(f.levels, key=str.encode))}, {len(f.levels)}, row->{member})"
                    if f.levels
                    else "-1"
                )
                order = [sorted(f.levels, key=lambda t: t.encode()).index(t) for t in f.levels]
                if order != list(range(len(order))):
                    back = [f.levels.index(t) for t in sorted(f.levels, key=lambda t: t.encode())]
                    self.data.append(f"static const int {n}_order{i}[{len(back)}] = {{{', '.join(map(str, back))}}};")
                    self.rom += 4 * len(back)
                    lines.append(f"    k = {index}; if (k >= 0) k = {n}_order{i}[k];")
                else:
                    lines.append(f"    k = {index};")
                if f.levels:
                    self.helpers.add("find")
                if f.embedded:
                    lines.append(f"    codes[{code}] = k + 1;")
                    code += 1
                elif len(f.levels) == 2:
                    lines.append(f"    x[{at[1]}] = k < 0 ? 0.0f : (float)(2 * k - 1);")
                    at[1] += 1
                elif f.levels:
                    lines.append(f"    for (i = 0; i < {len(f.levels)}; i++) x[{at[1]} + i] = i == k ? 1.0f : 0.0f;")
                    at[1] += len(f.levels)
                if f.gaps:
                    self.helpers.add("missing")
                    lines.append(f"    x[{at[1]}] = {n}_missing(row->{member}) ? 1.0f : 0.0f;")
                    at[1] += 1
                continue
            code_for_missing = "" if getattr(f, "missing_code", None) is None else f" || v == {real(f.missing_code)}"
            lines.append(f"    v = row->{member}; gap = !(v - v == 0.0){code_for_missing};")
            if isinstance(f, Date):
                lines.append("    day = v;")
            if f.scale is not None:
                self.scale(f.scale, at, lines, i)
            for length in getattr(f, "cycles", []):
                lines.append(f"    t = day / {real(length)}; t = 6.283185307179586 * (t - floor(t));")
                lines.append(f"    x[{at[1]}] = gap ? 0.0f : (float)sin(t); x[{at[1] + 1}] = gap ? 0.0f : (float)cos(t);")
                at[1] += 2
            if f.gaps:
                lines.append(f"    x[{at[1]}] = gap ? 1.0f : 0.0f;")
                at[1] += 1
        return lines

    def weights(self, name: str, w: np.ndarray) -> tuple[str, str]:
        """Arrays for a matrix [in, out], with a scale for each output if int8; returns their names."""
        if not self.int8:
            return self.array(name, w), ""
        scale = np.maximum(np.abs(w).max(axis=0), 1e-12) / 127
        small = np.rint(w / scale).astype(int)
        text = ",\n    ".join(", ".join(map(str, row)) for row in np.array_split(small.ravel(), max(1, small.size // 24)))
        self.data.append(f"static const signed char {self.name}_{name}[{w.size}] = {{\n    {text}}};")
        self.rom += w.size
        return f"{self.name}_{name}", self.array(name + "s", scale)

    def nets(self) -> tuple[list[str], int]:
        """C code that runs all nets, and the width of the widest hidden layer."""
        n, e, m = self.name, self.encoder, self.model
        lines: list[str] = []
        widest = 1
        starts = np.cumsum([0, *e.sizes[:-1]]) if e.sizes else []
        for g, group in enumerate(m.groups):
            static = e.width if group.kind == "bins" else e.z + e.plain
            for k, share in enumerate(group.shares):
                w = {name: a[k] for name, a in group.arrays.items()}
                tag = f"{g}_{k}_"
                lines.append(f"    /* net {k + 1} of kind '{group.kind}' */")
                first, scale = self.weights(f"w{tag}0", w["weight0"])
                out = w["weight0"].shape[1]
                lines.append(f"    {n}_start(h, {self.array(f'b{tag}0', w['bias0'])}, {out});")
                dense = f"{n}_dense8" if self.int8 else f"{n}_dense"
                tail = f", {scale}" if self.int8 else ""
                lines.append(f"    {dense}(h, {out}, x, {static}, {first}{tail});")
                self.operations += static * out
                row = static
                if group.kind == "periodic" and e.z:
                    self.helpers.add("periodic")
                    names = [self.array(f"{p}{tag}", w[p]) for p in ("frequency", "phase", "mix", "mix_bias")]
                    lines.append(f"    for (i = 0; i < {e.z}; i++) {{")
                    lines.append(
                        f"        {n}_periodic(e, x[i], {names[0]} + {FREQUENCIES} * i, {names[1]} + {FREQUENCIES} * i, "
                        f"{names[2]} + {FREQUENCIES * PERIODIC_OUT} * i, {names[3]} + {PERIODIC_OUT} * i);"
                    )
                    lines.append(
                        f"        {dense}(h, {out}, e, {PERIODIC_OUT}, {first} + (size_t){out} * ({row} + {PERIODIC_OUT} * i)"
                        f"{tail});"
                    )
                    lines.append("    }")
                    self.operations += e.z * (FREQUENCIES * (PERIODIC_OUT + 2) + PERIODIC_OUT * out)
                    row += e.z * PERIODIC_OUT
                if e.sizes:
                    table = self.array(f"t{tag}", w["embedding"])
                    for c, begin in enumerate(starts):
                        lines.append(
                            f"    {dense}(h, {out}, {table} + {EMBEDDING} * ({begin} + codes[{c}]), {EMBEDDING}, "
                            f"{first} + {out * (row + EMBEDDING * c)}{tail});"
                        )
                        self.operations += EMBEDDING * out
                a, b = "h", "g"
                for layer in range(1, group.depth):
                    widest = max(widest, out)
                    self.helpers.add(group.activation)
                    lines.append(f"    {n}_{group.activation}({a}, {out});")
                    wide = w[f"weight{layer}"].shape[1]
                    names = self.weights(f"w{tag}{layer}", w[f"weight{layer}"])
                    lines.append(f"    {n}_start({b}, {self.array(f'b{tag}{layer}', w[f'bias{layer}'])}, {wide});")
                    tail2 = f", {names[1]}" if self.int8 else ""
                    lines.append(f"    {dense}({b}, {wide}, {a}, {out}, {names[0]}{tail2});")
                    self.operations += out * wide
                    out = wide
                    a, b = b, a
                widest = max(widest, out)
                if m.task == CLASSIFICATION:
                    lines.append(f"    {n}_add_softmax(p, {a}, {out}, {real(share)}f);")
                else:
                    for i in range(out):
                        lines.append(
                            f"    p[{i}] += {real(share)} * {n}_limit((double){a}[{i}], {real(m.low[i])}, {real(m.high[i])});"
                        )
        return lines, widest

    def header(self) -> Header:
        m, n, e = self.model, self.name, self.encoder
        encoding = self.encoding()
        nets, widest = self.nets()
        classes = m.task == CLASSIFICATION
        outputs = m.outputs
        if classes:
            self.strings("classes", m.classes)
        ram = 4 * (e.width + 2 * widest + (PERIODIC_OUT if "periodic" in self.helpers else 0)) + 4 * len(e.sizes) + 8 * outputs
        guard = f"{n.upper()}_H"
        rows = [
            f"    {'const char *' if text else 'double '}{member};      /* {comment(column)}{_unit(self, column)} */"
            for column, member, text in self.fields
        ]
        kind = "float" if classes else "double"
        parts = [
            f"/* {n}.h: answers {comment(', '.join(m.targets))}. Made by tinygrad_c export; edits will be lost.",
            f"   C99, no allocation, no library but math.h. {'int8' if self.int8 else 'float32'} weights.",
            '   A missing number is NAN, a missing text NULL or "". Dates are days since 1970-01-01, hours as a fraction.',
            f"   The constants take {self.rom:,} bytes, a call {ram:,} bytes of stack, {self.operations:,} multiplications.",
            f"   {n}_selftest() is 0 if this machine computes the same predictions as the one that wrote the file. */",
            f"#ifndef {guard}\n#define {guard}\n",
            "#include <math.h>\n#include <stddef.h>\n",
            f"typedef struct {{\n{chr(10).join(rows)}\n}} {n}_row;\n",
            f"#define {n.upper()}_OUTPUTS {outputs}\n",
            *self.data,
            "",
            self.helper_text(),
            f"static inline void {n}_encode(const {n}_row *row, float *x, int *codes) {{",
            "    double v = 0.0, day = 0.0, t = 0.0; int gap = 0, k = 0, i = 0;",
            "    (void)v; (void)day; (void)t; (void)gap; (void)k; (void)i; (void)codes; (void)x;",
            *encoding,
            "}\n",
            f"/* {'Probabilities of ' + n + '_classes' if classes else 'The quantities'} of a row, into p[{outputs}]. */",
            f"static inline void {n}_answers(const {n}_row *row, {kind} *p) {{",
            f"    float x[{max(1, e.width)}], h[{widest}], g[{widest}], e[{PERIODIC_OUT}];",
            f"    int codes[{max(1, len(e.sizes))}], i;",
            "    (void)e; (void)g;",
            f"    {n}_encode(row, x, codes);",
            f"    for (i = 0; i < {outputs}; i++) p[i] = 0;",
            *nets,
        ]
        if classes:
            parts += [
                f"    {n}_calibrate(p, {outputs}, {real(1 / m.temperature)});" if m.temperature != 1 else "",
                "}\n",
                f"/* The number of the most probable class: {n}_classes[..] is its name. */",
                f"static inline int {n}_predict(const {n}_row *row) {{",
                f"    float p[{outputs}]; int i, best = 0;",
                f"    {n}_answers(row, p);",
                f"    for (i = 1; i < {outputs}; i++) if (p[i] > p[best]) best = i;",
                "    return best;",
                "}\n",
            ]
        else:
            parts += [
                *(f"    p[{i}] = p[{i}] * {real(m.std[i])} + {real(m.mean[i])};" for i in range(outputs)),
                "}\n",
                f"static inline double {n}_predict(const {n}_row *row) {{",
                f"    double p[{outputs}];",
                f"    {n}_answers(row, p);",
                "    return p[0];",
                "}\n",
            ]
        parts += [self.selftest(kind), f"#endif /* {guard} */", ""]
        return Header("\n".join(parts), n, self.rom, ram, self.operations, self.fields)

    def selftest(self, kind: str) -> str:
        n, m = self.name, self.model
        frame = example_rows(self.encoder, GOLDEN, seed=1)
        table = as_read(self.encoder, frame)
        answers = m.answers(m.encode(table))
        columns = plain_columns(self.encoder, table)
        rows = []
        for r in range(GOLDEN):
            values = []
            for column, _, text in self.fields:
                v = columns[column][r]
                values.append(("NULL" if v is None else quoted(str(v))) if text else "NAN" if v != v else real(v))
            rows.append("        {" + ", ".join(values) + "}")
        expected = ",\n        ".join(", ".join(real(v) for v in row) for row in answers)
        room = 0.05 if self.int8 else 1e-4
        scales = ", ".join(
            real(1.0 if m.task == CLASSIFICATION else s) for s in (m.std if m.task != CLASSIFICATION else [1.0] * m.outputs)
        )
        return f"""/* 0, or the number (from 1) of the first golden row whose answer is not what it was here. */
static inline int {n}_selftest(void) {{
    static const {n}_row rows[{GOLDEN}] = {{
{("," + chr(10)).join(rows)}}};
    static const double expected[{GOLDEN * m.outputs}] = {{
        {expected}}};
    static const double scale[{m.outputs}] = {{{scales}}};
    {kind} p[{m.outputs}]; int r, i;
    for (r = 0; r < {GOLDEN}; r++) {{
        {n}_answers(&rows[r], p);
        for (i = 0; i < {m.outputs}; i++)
            if (!(fabs((double)p[i] - expected[r * {m.outputs} + i]) <= {room} * scale[i])) return r + 1;
    }}
    return 0;
}}
"""

    def helper_text(self) -> str:
        """The helper functions that the code calls."""
        n = self.name
        used = self.helpers
        parts = [HELPERS["start"], HELPERS["dense8" if self.int8 else "dense"]]
        order = ["find", "missing", "log", "squeeze", "cut", "bins", "periodic", "relu", "selu", "mish"]
        parts += [HELPERS[h] for h in order if h in used]
        parts += (
            [HELPERS["softmax"], HELPERS["calibrate"] if self.model.temperature != 1 else ""]
            if self.model.task == CLASSIFICATION
            else [HELPERS["limit"]]
        )
        return "\n".join(p for p in parts if p).replace("NAME", n)


def _unit(writer: _Writer, column: str) -> str:
    f = next(f for name, _, f in writer.inputs if name == column)
    notation = getattr(f, "notation", None)
    if isinstance(f, Date):
        return ": days since 1970-01-01"
    return f": in {comment(notation.unit)}" if notation is not None and notation.unit else ""


HELPERS = {
    "start": """static inline void NAME_start(float *h, const float *bias, int n) {
    int j;
    for (j = 0; j < n; j++) h[j] = bias[j];
}""",
    "dense": """static inline void NAME_dense(float *h, int n, const float *x, int m, const float *w) {
    int i, j;
    for (i = 0; i < m; i++)
        if (x[i] != 0.0f)
            for (j = 0; j < n; j++) h[j] += x[i] * w[i * n + j];
}""",
    "dense8": """static inline void NAME_dense8(float *h, int n, const float *x, int m, const signed char *w, const float *s) {
    int i, j;
    for (j = 0; j < n; j++) {
        float sum = 0.0f;
        for (i = 0; i < m; i++) sum += x[i] * (float)w[i * n + j];
        h[j] += sum * s[j];
    }
}""",
    "find": """/* The place of a text in sorted ones, -1 if it is not among them. */
static inline int NAME_find(const char *const *levels, int n, const char *text) {
    int low = 0, high = n - 1;
    if (text == NULL) return -1;
    while (low <= high) {
        int middle = (low + high) / 2, i = 0;
        const unsigned char *a = (const unsigned char *)levels[middle], *b = (const unsigned char *)text;
        while (a[i] && a[i] == b[i]) i++;
        if (a[i] == b[i]) return middle;
        if (a[i] < b[i]) low = middle + 1; else high = middle - 1;
    }
    return -1;
}""",
    "missing": """static inline int NAME_missing(const char *text) { return text == NULL || text[0] == 0; }""",
    "log": """static inline double NAME_log(double v, double unit) { return v < 0 ? -log1p(-v / unit) : log1p(v / unit); }""",
    "squeeze": """static inline float NAME_squeeze(double z) {
    if (z > 1e18) z = 1e18;
    if (z < -1e18) z = -1e18;
    return (float)(z / sqrt(1.0 + (z / 3.0) * (z / 3.0)));
}""",
    "cut": """static inline float NAME_cut(double v, double low, double high) {
    return (float)(v < low ? low : v > high ? high : v);
}""",
    "bins": """static inline void NAME_bins(float *x, const double *edges, int n, double v, int gap) {
    int i;
    for (i = 0; i < n; i++) {
        double t = (v - edges[i]) * (1.0 / (edges[i + 1] - edges[i]));
        x[i] = gap ? 0.5f : (float)(t < 0.0 ? 0.0 : t > 1.0 ? 1.0 : t);
    }
}""",
    "periodic": f"""static inline void NAME_periodic(float *e, float z, const float *f, const float *phase, const float *mix,
                                 const float *bias) {{
    int i, j;
    for (j = 0; j < {PERIODIC_OUT}; j++) e[j] = bias[j];
    for (i = 0; i < {FREQUENCIES}; i++) {{
        float c = cosf(z * f[i] + phase[i]);
        for (j = 0; j < {PERIODIC_OUT}; j++) e[j] += c * mix[i * {PERIODIC_OUT} + j];
    }}
}}""",
    "relu": """static inline void NAME_relu(float *h, int n) {
    int j;
    for (j = 0; j < n; j++) if (!(h[j] > 0.0f)) h[j] = 0.0f;
}""",
    "selu": """static inline void NAME_selu(float *h, int n) {
    int j;
    for (j = 0; j < n; j++) h[j] = 1.0507009873554805f * (h[j] > 0.0f ? h[j] : 1.6732632423543772f * expm1f(h[j]));
}""",
    "mish": """static inline void NAME_mish(float *h, int n) {
    int j;
    for (j = 0; j < n; j++) h[j] = h[j] * tanhf(h[j] > 20.0f ? h[j] : log1pf(expf(h[j])));
}""",
    "softmax": """static inline void NAME_add_softmax(float *p, float *h, int n, float share) {
    int j; float top = h[0], sum = 0.0f;
    for (j = 1; j < n; j++) if (h[j] > top) top = h[j];
    for (j = 0; j < n; j++) { h[j] = expf(h[j] - top); sum += h[j]; }
    for (j = 0; j < n; j++) p[j] += share * h[j] / sum;
}""",
    "calibrate": """static inline void NAME_calibrate(float *p, int n, double power) {
    int j; double top = -1e300, sum = 0.0;
    for (j = 0; j < n; j++) if (p[j] > top) top = p[j];
    for (j = 0; j < n; j++) { p[j] = (float)pow((double)p[j] / top, power); sum += p[j]; }
    for (j = 0; j < n; j++) p[j] = (float)(p[j] / sum);
}""",
    "limit": """static inline double NAME_limit(double v, double low, double high) {
    return v < low ? low : v > high ? high : v;
}""",
}

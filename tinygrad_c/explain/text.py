"""What print(e) shows."""
from __future__ import annotations

from typing import Any

from tinygrad_c.explain.formula import number
from tinygrad_c.explain.words import say

Data = dict[str, Any]
WHOLE = 20              # elements that are printed; larger tensors are told by shape, range, mean and shares
FEW = 6                 # elements up to which the terms of a sum of gradients are printed
MANY = 400              # steps that are printed at each end of a long pass


def text(passes: list[Data], lang: str) -> str:
    """All passes."""
    lines: list[str] = [] if passes else [say("nothing", lang)]
    for i, each in enumerate(passes):
        if len(passes) > 1:
            lines += [""] * (i > 0) + [f"===== {say('pass', lang, n=i + 1)} =====", ""]
        if each.get("between"):
            lines += [say("between", lang), *[f"  {event(each, event_, lang)}" for event_ in each["between"]], ""]
        lines += one_pass(each, lang)
        if each.get("after"):
            lines += ["", say("afterwards", lang), *[f"  {event(each, event_, lang)}" for event_ in each["after"]]]
    return "\n".join(lines)


def event(one: Data, event: Data, lang: str) -> str:
    """A change between two passes."""
    where = f"  ({say('line', lang, line=event['line'])}: {event['text']})" if event.get("line") else ""
    return say(event["kind"], lang, name=event["name"], before=short(event["before"]), after=short(event["after"])) + where


def value(data: Any) -> str:
    """Nested lists of numbers, as text."""
    if isinstance(data, list):
        return "[" + ", ".join(value(each) for each in data) + "]"
    return str(data) if isinstance(data, (bool, str)) else number(data)


def count(shape: list[int]) -> int:
    n = 1
    for size in shape:
        n *= size
    return n


def short(numbers: Data | None) -> str:
    """A tensor in a few characters."""
    if numbers is None:
        return "None"
    if "data" in numbers and count(numbers["shape"]) <= WHOLE:
        return value(numbers["data"])
    return f"{numbers['shape']}"


def describe(numbers: Data | None, lang: str) -> str:
    """A tensor: whole if it is small, else its shape, range, mean and the shares of zeros and NaN."""
    if numbers is None:
        return say("unknown", lang)
    if "data" in numbers and count(numbers["shape"]) <= WHOLE:
        return value(numbers["data"])
    parts = [str(numbers["shape"])]
    if "data" in numbers:
        flat = _flat(numbers["data"])
        good = [x for x in flat if not isinstance(x, str)]
        if good:
            parts += [say("range", lang, min=number(min(good)), max=number(max(good))),
                      say("mean", lang, mean=number(sum(good) / len(good)))]
    else:
        parts += [say("range", lang, min=value(numbers["min"]), max=value(numbers["max"])),
                  say("mean", lang, mean=value(numbers["mean"]))]
    if numbers["zeros"]:
        parts.append(say("zeros", lang, percent=number(round(100 * numbers["zeros"], 1))))
    if numbers["nan"]:
        parts.append(say("nan", lang, percent=number(round(100 * numbers["nan"], 1))))
    return ", ".join(parts)


def _flat(data: Any) -> list[Any]:
    return [x for each in data for x in _flat(each)] if isinstance(data, list) else [data]


def shaped(numbers: Data) -> str:
    return f"{numbers['dtype']}{numbers['shape']}" if numbers["shape"] else numbers["dtype"]


def one_pass(one: Data, lang: str) -> list[str]:
    """The forward pass by lines of the program, the backward pass by steps, and what is added to .grad."""
    lines = [*(note(each, lang) for each in one["notes"] if each["kind"] != "replayed"), say("forward", lang)]
    lines += forward(one, lang)
    if one["backward"]:
        lines += ["", say("backward", lang)]
        lines += backward(one, lang)
    if one["leaves"]:
        lines += ["", say("leaves", lang)]
        lines += [f"  {each}" for leaf in one["leaves"] for each in landing(one, leaf, lang)]
    lines += [note(each, lang) for each in one["notes"] if each["kind"] == "replayed"]
    if one["problems"]:
        lines += ["", say("problems", lang), *[f"  {problem(one, each, lang)}" for each in one["problems"]]]
    return lines


def note(each: Data, lang: str) -> str:
    return say(each["kind"], lang, **{"name": "", **{key: value for key, value in each.items() if key != "kind"}})


def cut(each: list[Data]) -> list[Data | None]:
    """Both ends of a long list."""
    return [*each] if len(each) <= 2 * MANY else [*each[:MANY], None, *each[-MANY:]]


def forward(one: Data, lang: str) -> list[str]:
    lines: list[str] = []
    values, told, line = one["values"], set(), -1
    if not one["steps"]:
        only = values[one["result"]]
        return [f"  {only['name']}  {shaped(only)} = {describe(only['numbers'], lang)}"]
    for step in cut(one["steps"]):
        if step is None:
            lines.append(f"  … {say('steps', lang, n=len(one['steps']) - 2 * MANY)}")
            continue
        if step["line"] != line or not lines:
            line = step["line"]
            if line is not None:
                where = one["lines"][line]
                cell = f"{where['file']}, " if where["file"].startswith("cell") else ""
                lines.append(f"  {cell}{say('line', lang, line=where['line'])}:  {where['text']}")
            else:
                lines.append(f"  {say('no line', lang)}")
        for i in step["inputs"]:
            if i is not None and i not in told and values[i]["kind"] != "step":
                told.add(i)
                each = values[i]
                if each["kind"] == "data" and not each["named"]:
                    continue
                content = describe(each["numbers"], lang)
                lines.append(f"      {each['name']}  {shaped(each)} = {content}   ({say(each['kind'], lang)})")
        lines.append("    " + forward_step(one, step, lang))
    return lines


def forward_step(one: Data, step: Data, lang: str) -> str:
    """name = formula   numbers = value."""
    out = one["values"][step["output"]]
    op = step["rule"].partition("Backward")[0]
    names = ", ".join(one["values"][i]["name"] for i in step["inputs"] if i is not None)
    made = " = ".join(each for each in (out["name"], step["call"], step["formula"] or f"{op}({names})") if each)
    result = describe(out["numbers"], lang)
    if step["numbers"] is not None and step["at"] is None:
        return f"{made}  =  {result}" if step["numbers"] in (result, made) else f"{made}  =  {step['numbers']}  =  {result}"
    example = ""
    if step["numbers"] is not None and step["numbers"] != value(step["equals"]):
        example = f"\n          {say('at', lang, at=step['at'])}: {step['numbers']} = {value(step['equals'])}"
    return f"{made}   {shaped(out)}  =  {result}{example}"


def backward(one: Data, lang: str) -> list[str]:
    values, steps = one["values"], one["steps"]
    lines: list[str] = []
    numbers = step_numbers(one)
    for each in cut(one["backward"]):
        if each is None:
            lines.append(f"  … {say('steps', lang, n=len(one['backward']) - 2 * MANY)}")
            continue
        step, n = steps[each["step"]], numbers[each["step"]]
        out = values[step["output"]]
        where = "" if step["line"] is None else say("line", lang, line=one["lines"][step["line"]]["line"])
        made = step["formula"] or step["rule"]
        if n == 1:
            lines.append("  " + say("start", lang, name=out["name"], value=describe(each["gradient"], lang)))
        lines.append(f"  {n}. {out['name']} = {made}    {step['rule']}  {where}")
        lines += together(numbers, out["name"], each["parts"], lang)
        lines.append("     " + say("g", lang, name=out["name"], value=describe(each["gradient"], lang)))
        if each["together"] is not None:
            lines.append("     " + say("together", lang, name=values[each["together"]]["name"]))
        lines += [f"     {line}" for give in each["gives"] for line in giving(values, give, lang)]
    return lines


def step_numbers(one: Data) -> dict[int, int]:
    """By the step's place in the forward pass: when its turn is in the backward pass, from 1."""
    return {each["step"]: n for n, each in enumerate(one["backward"], 1)}


def together(numbers: dict[int, int], name: str, parts: list[Data], lang: str) -> list[str]:
    """Why gradients were added: the value was used more than once."""
    if len(parts) < 2:
        return []
    small = all(count(part["gradient"]["shape"]) <= FEW for part in parts)
    return ["     " + say("sum of parts", lang, name=name, n=len(parts), parts=" + ".join(
        in_brackets(short(part["gradient"])) if small else f"dL/d{name} ({say('step', lang)} {numbers[part['from']]})"
        for part in parts))]


def in_brackets(text: str) -> str:
    return f"({text})" if text.startswith("-") else text


def giving(values: list[Data], give: Data, lang: str) -> list[str]:
    """The rule, the rule with numbers, and the gradient that goes to one input."""
    to = values[give["to"]]
    head = f"{say('to', lang, name=to['name'])}:  dL/d{to['name']} = {give['formula'] or '?'}"
    result = describe(give["gradient"], lang)
    lines = []
    if give["numbers"] is not None and give["at"] is None and not give["summed"]:
        same = give["numbers"] == result
        return [f"{head}  =  {result}" if same else f"{head}  =  {give['numbers']}  =  {result}"]
    if give["summed"]:
        lines += [head, "    " + say("summed", lang, name=to["name"], shape=to["shape"], dims=give["summed"]),
                  f"    = {result}"]
    else:
        lines.append(f"{head}  =  {result}")
    if give["numbers"] is not None and give["numbers"] != value(give["equals"]):
        lines.append(f"    {say('at', lang, at=give['at'])}: {give['numbers']} = {value(give['equals'])}")
    return lines


def landing(one: Data, leaf: Data, lang: str) -> list[str]:
    """name.grad: before + this pass = after."""
    name = one["values"][leaf["value"]]["name"]
    lines = []
    if len(leaf["parts"]) > 1:
        lines.append(together(step_numbers(one), name, leaf["parts"], lang)[0].strip())
    total = describe(leaf["total"], lang)
    if leaf["before"] is None:
        lines.append(f"{name}.grad:  {say('before', lang)} None,  {say('after', lang)} {total}")
    else:
        before, after = describe(leaf["before"], lang), describe(leaf["after"], lang)
        lines.append(f"{name}.grad:  {say('before', lang)} {before},  {say('this pass', lang)} {total},  "
                     f"{say('after', lang)} {after}")
        if leaf["before"]["zeros"] < 1:
            lines.append("    " + say("adds", lang))
    return lines


def problem(one: Data, each: Data, lang: str) -> str:
    """A sentence about where trouble begins."""
    step = one["steps"][each["step"]]
    name = one["values"][each["to"]]["name"]
    largest = ""
    for back in one["backward"]:
        if back["step"] == each["step"]:
            largest = next((value(give["gradient"]["largest"]) for give in back["gives"] if give["to"] == each["to"]), "")
    sentence = say(f"{each['kind']} {each['where']}", lang, name=name, code=step["code"] or step["formula"] or step["rule"],
                   value=largest)
    where = "" if step["line"] is None else f"{say('line', lang, line=one['lines'][step['line']]['line'])}: "
    return where + sentence

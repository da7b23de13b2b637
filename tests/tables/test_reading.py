"""Small inputs as people have them, and what is made of each: every row of the list of faults that the engine was built from."""
import csv
import gzip
import io

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")

from tinygrad_c.tables import Choices, Options, UserError, fit, from_frame, read_table  # noqa: E402
from tinygrad_c.tables.columns import as_column  # noqa: E402
from tinygrad_c.tables.decide import decide  # noqa: E402
from tinygrad_c.tables.encoder import Encoder  # noqa: E402
from tinygrad_c.tables.features import Category, Date, Number, Scale  # noqa: E402
from tinygrad_c.tables.target import read_target  # noqa: E402

QUICK = {"effort": "quick", "threads": 1}


@pytest.fixture
def table(tmp_path):
    """Write a table and read it back."""
    def make(rows=None, text=None, name="t.csv", encoding="utf-8", **options):
        path = tmp_path / name
        if text is None:
            file = io.StringIO()
            csv.writer(file, lineterminator="\n").writerows(rows)
            text = file.getvalue()
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_table(path, **options)
    return make


def features(table, target="y", **choices):
    made = decide(table, [target], np.arange(len(table)), Choices(**choices))
    return {(f.name, f.kind): f for f in made.features}, made


def told(made):
    return "\n".join(made.notes.told())


def rows_of(n, *columns):
    return [[f(i) for f in columns] for i in range(n)]


RNG = np.random.default_rng(0)


# The rows of the list, in its order


def test_a_column_of_many_levels_is_kept(table):
    """51 states decide the answer: R2 was 0.00, the column dropped as an identifier."""
    states = [f"state {i}" for i in range(51)]
    worth = RNG.normal(0, 10, 51)
    draw = RNG.integers(0, 51, 1500)
    t = table([["state", "noise", "y"], *([states[s], f"{RNG.normal():.3f}", f"{worth[s] + RNG.normal(0, 0.1):.3f}"] for s in draw)])
    model, _ = fit(t, "y", Options(threads=1))
    assert model.facts["cross_validated"]["r2"] > 0.98
    wide = from_frame(pandas.DataFrame({"name": [f"n{i}" for i in range(100)], "x": np.arange(100.0) % 7, "y": np.arange(100.0)}))
    _, made = features(wide)
    assert made.dropped["name"].endswith("an identifier")
    kept, _ = features(wide, keep=["name"])
    assert ("name", "category") in kept


@pytest.mark.parametrize(("texts", "numbers", "words"), [
    (["23.41%", "7%", "-1.5%"], [23.41, 7, -1.5], "'%'"),
    (["$1,234.50", "$7", "-$3.25"], [1234.5, 7, -3.25], "'$'"),
    (["1,234", "12", "1,234,567"], [1234, 12, 1234567], "thousands"),
    (["3.2 kg", "4 kg", "-1 kg"], [3.2, 4, -1], "'kg'"),
    (["(12.5)", "3", "4"], [-12.5, 3, 4], ""),
    (["€ 5", "€1,000", "€7"], [5, 1000, 7], "'€'"),
    (["−3", "+4", "5e3"], [-3, 4, 5000], ""),
    (["1 234 567", "2", "3"], [1234567, 2, 3], "thousands"), (["1.017,77 €", "302.119,24 €", "2.015,50 €"], [1017.77, 302119.24, 2015.5], "'€'"),
    (["1:18", "12:30", "0:06"], [1.3, 12.5, 0.1], "'hours'"), (["00:00:36", "01:30:00", "0:15:00"], [0.01, 1.5, 0.25], "'hours'"),
    (["USD 5", "USD 1,000", "USD 7"], [5, 1000, 7], "USD"),
])
def test_numbers_in_words(table, texts, numbers, words):
    t = table([["x", "y"], *([texts[i % 3], i] for i in range(60))])
    column = as_column(t.frame["x"])
    values, bad, _ = column.parsed()
    assert not bad.any()
    np.testing.assert_allclose(values[:3], numbers)
    found, made = features(t)
    assert ("x", "number") in found
    assert words in told(made)


def test_a_decimal_comma_in_a_semicolon_file(table):
    t = table(text="x;z;y\n" + "".join(f"{i % 9}.{i % 10}23,{i % 7};{i % 11},5;{i}\n" for i in range(1, 60)))
    x, z = (as_column(t.frame[n]).parsed(comma=t.comma)[0] for n in "xz")
    np.testing.assert_allclose(x[:2], [1123.1, 2223.2])
    np.testing.assert_allclose(z[:2], [1.5, 2.5])


def test_a_price_is_a_quantity(table):
    t = table([["x", "price"], *([i, f"${181_500 + 100 * i:,}"] for i in range(300))])
    target = read_target(t, "price")
    assert target.task == "regression"
    assert target.y[0] == 181_500
    assert any("'$'" in note for note in target.notes)


def test_counts_are_a_quantity_and_the_rule_is_told(table):
    draw = RNG.poisson(5, 200)
    draw[:17] = np.arange(17)
    t = table([["x", "y"], *([i, v] for i, v in enumerate(draw))])
    target = read_target(t, "y")
    assert target.task == "regression"
    assert "--task classification" in target.why
    assert read_target(t, "y", "classification").task == "classification"
    few = table([["x", "y"], *([i, i % 3] for i in range(40))])
    assert read_target(few, "y").task == "classification"
    assert "--task regression" in read_target(few, "y").why
    assert read_target(table([["x", "y"], *([i, i % 10] for i in range(400))]), "y").task == "classification"


@pytest.mark.parametrize(("form", "order"), [("%Y-%m-%d", "ymd"), ("%d.%m.%Y", "dmy"), ("%m/%d/%Y", "mdy"), ("%Y-%m-%d %H:%M", "ymd")])
def test_dates(table, form, order):
    """One ISO date column; y grows by day. There was no column left to learn from."""
    days = pandas.date_range("2020-01-01", periods=300, freq="31h")
    t = table([["when", "y"], *([d.strftime(form), i * 2.5 + 3] for i, d in enumerate(days))])
    found, made = features(t)
    date = found["when", "date"]
    assert date.order == order
    assert "dates" in told(made)
    values = date.values(as_column(t.frame["when"]))
    np.testing.assert_allclose(values, np.floor((days - pandas.Timestamp(0)) / pandas.Timedelta("1D"))
                               if "%H" not in form else (days - pandas.Timestamp(0)) / pandas.Timedelta("1D"), atol=1e-6)
    model, _ = fit(t, "y", Options(**QUICK))
    assert model.facts["cross_validated"]["r2"] > 0.99


@pytest.mark.parametrize(("texts", "order"), [
    (["2023-06-26", "06/27/2023", "28 Jun 2023", "29 June 2023"], "mdy"), (["2023年6月26日", "2023年06月27日", "2023 年 6 月 28 日", "2023年6月29日"], "ymd"),
    (["Jun 26, 2023", "June 27 2023", "Jun. 28, 2023", "jun 29, 2023"], "ymd"),
    (["26-Jun-2023", "27-JUN-2023", "28th June 2023", "29 Jun, 2023"], "ymd"), (["26.06.2023", "2023-06-27", "28/6/2023", "2023/6/29"], "dmy")])
def test_dates_in_words_and_of_several_forms(texts, order):
    """A column of three forms was an identifier of 360 texts; a Chinese date too."""
    found, _ = features(from_frame(pandas.DataFrame({"when": [texts[i % 4] for i in range(40)], "y": np.arange(40.0)})))
    date = found["when", "date"]
    assert date.order == order
    np.testing.assert_array_equal(date.values(as_column(pandas.Series(texts)))[:4], [19534, 19535, 19536, 19537])


@pytest.mark.parametrize("text", ["2023年13月1日", "31 Foo 2023", "May", "March of 12 2020", "12:75", "1:2"])
def test_texts_that_are_neither_dates_nor_times(text):
    found, _ = features(from_frame(pandas.DataFrame({"when": [text, "red", "blue", "red"] * 10, "y": np.arange(40.0)})))
    assert list(found) == [("when", "category")]
    assert np.isnan(as_column(pandas.Series([text])).dates("ymd")).all()


@pytest.mark.parametrize(("yes", "no"), [("TRUE", "FALSE"), ("true", "false"), ("True", "False")])
def test_levels_and_answers_are_the_same_when_read_to_predict(table, yes, no):
    """TRUE was the level True in training, and a text that the training rows do not have in predict: R2 0.52 for 0.998."""
    t = table([["flag", "y"], *(["NA" if i % 7 == 0 else yes if i % 3 else no, i % 3 + 0.01 * i] for i in range(60))])
    found, made = features(t)
    assert found["flag", "category"].levels == sorted([yes, no])
    encoder = Encoder(made.features)
    read = read_table(t.path, text=encoder.text_columns)
    np.testing.assert_array_equal(encoder.encode(read).X, encoder.encode(t).X)
    assert not [note for note in encoder.remarks(read) if "do not have" in note]


def test_numbers_of_600_decades(recwarn):
    x = np.concatenate([10.0 ** np.arange(-300, 300, 5), [0.0, -1e300]])
    scale = Number("x", Scale.fit(x))
    out = Encoder([scale]).encode(from_frame(pandas.DataFrame({"x": x})))
    assert np.isfinite(out.X).all()
    assert not recwarn.list


def test_codes_for_missing_are_not_called_infinite():
    values = [-999.0 if i % 20 == 0 else float(i % 7) for i in range(100)]
    frame = from_frame(pandas.DataFrame({"x": values, "y": np.arange(100.0)}))
    _, made = features(frame)
    assert [note for note in Encoder(made.features).remarks(frame) if "-999" in note]


def test_values_as_the_file_has_them(table):
    t = table(text="a;b;c\n14.70;n/a;1,50\n\n007;;x\n\n", keep_blank=True)
    assert t.as_written(["c", "a", "b"]).iloc[[0, 2]].fillna("").to_numpy().tolist() == [["1,50", "14.70", "n/a"], ["x", "007", ""]]
    assert len(t.as_written(["a"])) == len(t) == 3


@pytest.mark.parametrize("gap", ["-", "N/A", "?", "--", ".", "none", "unknown", "missing", "NaT", "null"])
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_marks_of_a_missing_value_among_numbers(table, gap, share):
    every = round(1 / share)
    t = table([["x", "y"], *([gap if i % every == 0 else i * 0.5, i] for i in range(200))])
    found, made = features(t)
    number = found["x", "number"]
    assert number.gaps
    assert f"{200 // every} missing values filled" in told(made)
    assert np.isnan(number.values(as_column(t.frame["x"]))).sum() == 200 // every


def test_a_code_for_missing_is_told(table):
    t = table([["x", "y"], *([-999 if i % 60 == 0 else i % 50, i] for i in range(180))])
    found, made = features(t)
    assert "-999 (3 rows) looks like a code for a missing value" in told(made)
    assert found["x", "number"].scale.low == 0
    ordinary = table([["x", "y"], *([v - 1500, i] for i, v in enumerate(range(0, 3000, 10)))])
    assert "looks like a code" not in told(features(ordinary)[1])


@pytest.mark.parametrize("gap", ["", "NA", "?"])
def test_rows_without_an_answer_are_left_out(table, gap):
    t = table([["x", "y"], *([i, gap if i == 7 else i * 1.5] for i in range(50))])
    target = read_target(t, "y")
    assert len(target.rows) == 49
    assert "1 row left out: the target 'y' is missing (the first is row 8 (line 9))" in target.notes[0]


def test_a_typing_mistake_and_a_far_value_are_squeezed(table):
    """z = 31.8 where others are 0 to 9; area 1e9 at predict gave a rent of 1.4e10 without a word."""
    t = table([["z", "y"], *([round(i % 90 / 10, 2), i % 90] for i in range(400))])
    model, _ = fit(t, "y", Options(**QUICK))
    strange = from_frame(pandas.DataFrame({"z": [8.9, 31.8, 1e9, -1e9, np.inf]}))
    answers = model.predict(strange)
    assert answers[1] < 200
    assert answers[2] <= 200
    assert np.isfinite(answers).all()
    notes = "\n".join(model.encoder.remarks(strange))
    assert "3 values far outside the training rows' 0 to 8.9, such as 31.8 in row 2" in notes
    assert "infinite" in notes


def test_a_leading_zero_says_a_code(table):
    zips = ["01234", "90210", "00501", "73301", "60601"]
    t = table([["zip", "y"], *([zips[i % 5], i] for i in range(100))])
    found, made = features(t)
    assert found["zip", "category"].levels == sorted(zips)
    assert "a code ('01234' begins with 0)" in told(made) or "begins with 0): a category" in told(made)
    new = read_table_of("zip\n90210\n01234\n", text=["zip"])
    assert found["zip", "category"].indices(as_column(new.frame["zip"])).tolist() == [sorted(zips).index(z) for z in ("90210", "01234")]


def read_table_of(contents, **options):
    import tempfile
    from pathlib import Path
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text(contents)
        return read_table(path, **options)


def test_row_numbers_and_keys_are_left_out(table):
    t = table([["rownames", "customer_id", "year", "x", "y"], *([i + 1, 100_000 + 7 * i, 1900 + i, i % 13, i] for i in range(60))])
    found, made = features(t)
    assert {name for name, _ in found} == {"year", "x"}
    assert made.dropped["rownames"] == "a row number"
    assert "key" in made.dropped["customer_id"]
    assert ("customer_id", "number") in features(t, keep=["customer_id"])[0]


def test_notes_of_one_kind_are_one_line():
    """1,472 x 789 columns had 764 lines."""
    frame = pandas.DataFrame({f"c{i}": np.where(RNG.random(60) < 0.2, np.nan, RNG.normal(size=60)) for i in range(300)})
    frame["y"] = RNG.normal(size=60)
    _, made = features(from_frame(frame))
    assert len(made.notes.told()) == 1
    assert made.notes.told()[0].startswith("300 columns: missing values filled with the median: 'c0', 'c1'")


def test_two_columns_of_one_name(table):
    t = table(text="x,x,y\n" + "".join(f"{i},{i * 2},{i}\n" for i in range(20)))
    assert t.names == ["x", "x.1", "y"]


def test_a_trailing_comma(table):
    header = table(text="x,z,y,\n" + "".join(f"{i},{i * 2},{i},\n" for i in range(20)))
    assert header.names[:3] == ["x", "z", "y"]
    assert header.frame.iloc[3].tolist()[:3] == [3, 6, 3]
    _, made = features(header)
    assert made.dropped[header.names[3]] == "empty"
    rows = table(text="x,z,y\n" + "".join(f"{i},{i * 2},{i},\n" for i in range(20)))
    assert rows.frame.iloc[3].tolist() == [3, 6, 3]
    assert "one delimiter more" in rows.notes[0]


def test_names_of_rows_without_a_header(table):
    """As R writes them: the header has a name less."""
    t = table(text="x,y\n" + "".join(f"car {i},{i},{i * 2}\n" for i in range(20)))
    assert t.names == ["rownames", "x", "y"]
    assert t.frame.iloc[3].tolist() == ["car 3", 3, 6]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-8-sig", "utf-16"])
def test_encodings_are_tried_in_turn(table, encoding):
    t = table(text="stadt,y\n" + "".join(f"{'Köln' if i % 2 else 'Zürich'},{i}\n" for i in range(20)), encoding=encoding)
    assert t.names == ["stadt", "y"]
    assert t.frame["stadt"].iloc[1] == "Köln"
    assert bool(t.notes) == (encoding in ("cp1252", "latin-1"))


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "gb2312"])
def test_chinese_encodings(table, encoding):
    """A table that a Chinese Excel saved was read as cp1252: ³ÇÊÐ for 城市."""
    t = table(text="编号,城市,价格（万元）\n" + "".join(f"{i},{'北京' if i % 2 else '成都'},{i}万\n" for i in range(20)), encoding=encoding)
    assert t.names == ["编号", "城市", "价格（万元）"]
    assert t.frame["城市"].iloc[1] == "北京"
    assert t.notes == ["the text is not UTF-8: read as gb18030"]


@pytest.mark.parametrize(("text", "encoding"), [
    ("Straße, Größe, Fläche, naïve, façade, Übung, ÄÖÜ", "cp1252"), ("élève, été, créé, à côté, œuvre, ÉTÉ, 5 €, “a”", "cp1252"),
    ("niño, ¿qué?, año, acción, Ñandú, 20 °C, m²", "cp1252"), ("Москва, Владивосток, цена", "cp1251")])
def test_european_encodings_are_not_taken_for_chinese(table, text, encoding):
    t = table(text="name;y\n" + "".join(f"{each.strip()};{i}\n" for i, each in enumerate(text.split(",") * 4)), encoding=encoding)
    assert "gb18030" not in t.notes[0]
    if encoding == "cp1252":
        assert t.frame["name"].iloc[0] == text.split(",")[0]


def test_a_byte_that_is_not_utf8_far_into_the_file(table):
    lines = b"town,y\n" + b"".join(b"plain,%d\n" % i for i in range(60_000)) + b"K\xf6ln,5\n"
    t = table(text=lines)
    assert t.frame["town"].iloc[-1] == "Köln"
    assert "cp1252" in t.notes[0]


def test_comment_lines_are_skipped(table):
    t = table(text="# made by a machine\n# on a day\nx,y\n" + "".join(f"{i},{i}\n" for i in range(20)))
    assert t.names == ["x", "y"]
    assert "2 comment lines" in t.notes[0]
    assert table(text="#x,y\n" + "".join(f"{i},{i}\n" for i in range(20))).names == ["#x", "y"]


def test_columns_parted_by_spaces(table):
    t = table(text="x   z  y\n" + "".join(f"{i}  {i * 2}   {i}\n" for i in range(20)))
    assert t.names == ["x", "z", "y"]
    assert t.frame.iloc[3].tolist() == [3, 6, 3]


def test_blank_lines_count_at_predict(table):
    text = "x,y\n1,2\n\n3,4\n\n\n"
    assert len(table(text=text)) == 2
    kept = table(text=text, keep_blank=True)
    assert len(kept) == 3
    assert kept.blank.tolist() == [False, True, False]


# Further shapes


@pytest.mark.parametrize(("name", "text"), [
    ("semicolon", "a;b;y\n1,5;2;u\n"), ("semicolon and point", "a;b;y\n1.5;2;u\n"), ("tab", "a\tb\ty\n1.5\t2\tu\n"),
    ("bar", "a|b|y\n1.5|2|u\n"), ("space", "a, b, y\n1.5, 2, u\n"), ("quotes", '"a","b","y"\n"1.5","2","u"\n'),
    ("windows", "a,b,y\r\n1.5,2,u\r\n"), ("old mac", "a,b,y\r1.5,2,u\r"), ("blank lines", "\n\na,b,y\n\n1.5,2,u\n  \n\n"),
    ("no newline", "a,b,y\n1.5,2,u"),
])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_dialects(table, name, text, encoding):
    t = table(text=text, encoding=encoding)
    assert t.names == ["a", "b", "y"]
    assert as_column(t.frame["a"]).parsed(comma=t.comma)[0].tolist() == [1.5]
    assert t.frame.iloc[0].tolist()[1:] == [2, "u"]


def test_values_are_told_from_gaps(table):
    t = table(text='x,t\n1,a\n NA ,"two\nlines"\n?,NaN\n1e3,None\nnone,b\n-inf,""\noops,c\n')
    values, bad, _ = as_column(t.frame["x"]).parsed()
    np.testing.assert_array_equal(values[:5], [1, np.nan, np.nan, 1000, np.nan])
    assert bad.tolist()[:5] == [False] * 5
    assert bad.tolist()[6]
    column = as_column(t.frame["t"])
    assert [column.texts[c] if c >= 0 else "" for c in column.codes] == ["a", "two\nlines", "", "None", "b", "", "c"]
    assert t.row(6) == "row 7 (line 9)"
    assert str(t.error("no", 6, "x")).endswith("t.csv, row 7 (line 9), column 'x': no")


def test_a_file_without_a_header(table):
    t = table(text="1,2,3\n4,5,6\n7,8,9\n")
    assert t.names == ["column 1", "column 2", "column 3"]
    assert len(t) == 3
    assert "the first line holds numbers" in t.notes[0]
    assert t.row(1) == "row 2 (line 2)"
    assert table(text="2019,2020,2021\n1.5,2,3\n2.5,4,5\n").names == ["2019", "2020", "2021"]
    assert table(text="0,1,2\n1,2,3\n2,4,5\n").names == ["0", "1", "2"]


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zip"])
def test_compressed(tmp_path, suffix):
    frame = pandas.DataFrame({"x": range(30), "y": range(30)})
    frame.to_csv(tmp_path / f"t.csv.{suffix}", index=False)
    assert read_table(tmp_path / f"t.csv.{suffix}").frame.equals(frame)
    (tmp_path / "named.csv").write_bytes((tmp_path / f"t.csv.{suffix}").read_bytes())
    assert read_table(tmp_path / "named.csv").frame.equals(frame)


def test_parquet_and_excel(tmp_path):
    frame = pandas.DataFrame({"x": [1.5, 2.5], "when": pandas.to_datetime(["2020-01-01", "2020-01-02"]), "t": ["a", "b"]})
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    assert as_column(read.frame["when"]).days.tolist() == [18262, 18263]
    pytest.importorskip("openpyxl")
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    assert read_table(tmp_path / "t.xlsx").names == ["x", "when", "t"]


def test_standard_input(monkeypatch):
    class Stdin:
        buffer = io.BytesIO(b"x,y\n1,2\n3,4\n")
    monkeypatch.setattr("sys.stdin", Stdin)
    assert read_table("-").frame["y"].tolist() == [2, 4]


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "category", "string", "object", "datetime64[ns]", "timedelta64[ns]",
                                   "float32", "int8", "bool", "datetime64[ns, UTC]", "period[M]"])
def test_every_dtype_of_a_frame(dtype):
    values = {"boolean": [True, False, None], "category": ["a", "b", None], "string": ["a", "b", None], "object": ["a", 1, None],
              "Int64": [1, 2, None], "Float64": [1.5, 2, None], "float32": [1, 2, np.nan], "int8": [1, 2, 3],
              "bool": [True, False, True]}.get(dtype)
    if dtype.startswith("timedelta"):
        values = ["1 days", "2 days", None]
    elif dtype.startswith(("datetime", "period")):
        values = ["2020-01-01", "2020-02-01", None]
    series = pandas.Series(values * 20, dtype=dtype) if not dtype.startswith("period") else \
        pandas.Series(pandas.PeriodIndex(["2020-01", "2020-02", None] * 20, freq="M"))
    column = as_column(series.rename("x"))
    assert len(column) == 60
    assert column.missing().sum() == (0 if dtype in ("int8", "bool") else 20)
    found, _ = features(from_frame(pandas.DataFrame({"x": series, "y": range(60)})))
    assert len(found) == 1
    encoder = Encoder(list(found.values()))
    assert np.isfinite(encoder.encode(from_frame(pandas.DataFrame({"x": series}))).X).all()


def test_what_the_user_says_of_columns_is_done():
    frame = pandas.DataFrame({"code": np.arange(100) % 5, "text": [f"{i % 4}" for i in range(100)], "bad": [f"n{i}" for i in range(100)],
                              "y": np.arange(100.0)})
    found, made = features(from_frame(frame), category=["code"], number=["text"], drop=["bad"])
    assert isinstance(found["code", "category"], Category)
    assert isinstance(found["text", "number"], Number)
    assert made.dropped == {"bad": "as --drop says"}
    found, _ = features(from_frame(pandas.DataFrame({"d": [f"2020-01-{1 + i % 28:02d}" for i in range(100)], "y": range(100)})),
                        date=["d"])
    assert isinstance(found["d", "date"], Date)
    with pytest.raises(UserError, match="did you mean 'code'"):
        features(from_frame(frame), drop=["cod"])


def test_what_is_refused(table, tmp_path):
    for text, words in [("", "empty"), (" \n\n", "empty"), ("a,b,y\n", "a header and no rows"),
                        ("a,b,y\n1,2,3\n1,2,3,4\n", "line 3 has 4 fields"), ('a,b,y\n1,"2,3\n', "a quote is opened and never closed")]:
        with pytest.raises(UserError, match=words):
            table(text=text)
    for junk in (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), b"a,b\n1,\0\n", b"\x1f\x8bnot gzip", gzip.compress(b"a,b\n1,2\n")[:-9]):
        with pytest.raises(UserError, match="t.csv: "):
            table(text=junk)
    with pytest.raises(UserError, match="no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(UserError, match="is a folder"):
        read_table(tmp_path)


def test_names_that_end_in_a_number_are_no_numbers(table):
    found, _ = features(table([["x", "y"], *([f"state {i % 9}", i] for i in range(60))]))
    assert ("x", "category") in found

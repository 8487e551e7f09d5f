"""The table of faults in tests/README.md and the tests: each names all of the other."""

import pathlib
import re

HERE = pathlib.Path(__file__).parent
ROW = re.compile(r"^\| (\d+) \| .* \| .* \| (.*) \|$", re.M)


def numbers_of_tests() -> set[int]:
    source = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    return {int(number) for number in re.findall(r"^def test_fault_(\d\d)_", source, re.M)}


def test_the_table_of_faults_and_the_tests_name_each_other():
    table = (HERE.parent / "README.md").read_text(encoding="utf-8")
    table = table.split("## Faults and their tests")[1].split("\n## ")[0]
    rows = {int(number): where for number, where in ROW.findall(table)}
    assert len(rows) == 58
    named = {number for number, where in rows.items() if "`fault_" in where}
    assert named == numbers_of_tests()
    for number in named:
        assert f"`fault_{number:02d}`" in rows[number], rows[number]
    elsewhere = {number: where for number, where in rows.items() if number not in named}
    assert set(elsewhere) <= {26, 30, 35}, elsewhere

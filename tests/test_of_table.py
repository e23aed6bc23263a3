"""Settings of the commands on finished spectra: a range is two words or one, from the command line, YAML and Python."""

from pathlib import Path

import pytest

from conftest import Run
from mimyria.declare import from_words
from mimyria.errors import ConfigError
from mimyria.settings import BandsSettings, CompareSettings, OpticsSettings


@pytest.mark.parametrize("words", [("300", "4000"), "300 4000", "300,4000", "300:4000", [300, 4000]])
def test_a_range_is_two_numbers_however_written(words: object) -> None:
    assert from_words(CompareSettings, {"range": words}).range == (300.0, 4000.0)
    assert CompareSettings(range=[300, 4000]) == from_words(CompareSettings, {"range": words})  # type: ignore[arg-type]


def test_several_ranges_are_a_text_each() -> None:
    assert from_words(BandsSettings, {"range": ["300 400", "1500:1800"]}).range == ((300.0, 400.0), (1500.0, 1800.0))
    assert from_words(BandsSettings, {"range": "300 400"}).range == ((300.0, 400.0),)


def test_the_index_of_a_sample_must_be_given() -> None:
    with pytest.raises(TypeError, match="index"):
        OpticsSettings()  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="--index takes the refractive index of the sample"):
        OpticsSettings(index=0.5)


def test_compare_takes_them_from_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("0,1\n10,2\n20,1\n")
    (tmp_path / "b.csv").write_text("0,2\n10,4\n20,2\n")
    (tmp_path / "c.yaml").write_text("range: [0, 15]\nscale: 0.5\n")
    both = ("compare", tmp_path / "a.csv", tmp_path / "b.csv")
    status, said, error = run(*both, "--config", tmp_path / "c.yaml")
    assert status == 0, error
    assert said == run(*both, "--range", "0", "15", "--scale", "0.5")[1]
    assert said != run(*both)[1]

"""Images that borrow packages of our own environment: all that they need, and nothing unknown."""

import pytest

from seatrial.cluster import borrowed
from seatrial.errors import CannotRun


def test_an_image_gets_what_it_names_and_all_that_this_needs(tmp_path):
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "borrowed.txt").write_text("jinja2  # pages\n")
    assert {"jinja2", "markupsafe"} <= borrowed.wanted(tmp_path / "image").keys()
    target = borrowed.lend(tmp_path / "image", tmp_path / "context")
    assert (target / "site" / "jinja2" / "__init__.py").is_file()
    assert any(one.startswith("jinja2==") for one in borrowed.versions(tmp_path / "image"))


def test_an_image_that_names_nothing_borrows_nothing(tmp_path):
    assert borrowed.versions(tmp_path) == []


def test_a_package_that_is_not_here_is_named_with_the_remedy(tmp_path):
    (tmp_path / "borrowed.txt").write_text("no-such-package-anywhere\n")
    with pytest.raises(CannotRun, match="no-such-package-anywhere") as caught:
        borrowed.wanted(tmp_path)
    assert "pip install" in caught.value.remedy

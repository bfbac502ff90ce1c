from notices.page import render


def test_texts_are_escaped():
    page = render([{"text": "<b>", "urgent": False}])
    assert "&lt;b&gt;" in page
    assert "No notices." in render([])

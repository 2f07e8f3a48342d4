"""A word counts once its line is whole."""

from bucle.interfaces.client.spool.journal import Call, Journal, Series, Torn, read_words

WORDS = [Series(code=1, name="loss"), Call(operation="tracking.start", fields={"name": "ñ\n"})]


def said(path, words):
    journal = Journal(path)
    for word in words:
        journal.append(word)
    journal.close()


def test_words_are_read_in_the_order_in_which_they_were_said(tmp_path):
    said(tmp_path / "journal", WORDS)
    read = list(read_words(tmp_path / "journal", 0))
    assert [word for _, word in read] == WORDS
    assert [word for _, word in read_words(tmp_path / "journal", read[0][0])] == WORDS[1:]


def test_the_torn_last_line_of_a_killed_process_was_never_said(tmp_path):
    said(tmp_path / "journal", WORDS)
    whole = (tmp_path / "journal").read_bytes()
    for cut in range(whole.index(b"\n") + 1, len(whole)):
        (tmp_path / "journal").write_bytes(whole[:cut])
        assert [word for _, word in read_words(tmp_path / "journal", 0)] == WORDS[:1]


def test_a_line_that_nobody_can_read_does_not_hide_the_next(tmp_path):
    (tmp_path / "journal").write_bytes(b"\x00\x00\xff\n")
    said(tmp_path / "journal", WORDS)
    words = [word for _, word in read_words(tmp_path / "journal", 0)]
    assert isinstance(words[0], Torn)
    assert words[1:] == WORDS

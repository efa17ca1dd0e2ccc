import tensorflow as tf

from bakeoff.train.event_files import EventFile


def test_what_is_logged_is_what_tensorflow_reads(tmp_path):
    log = EventFile(tmp_path / "vgg16")
    log.log_epoch(1, {"loss": 0.5, "val_accuracy": 0.25})
    log.log_epoch(2, {"loss": 0.25})
    (path,) = (tmp_path / "vgg16").iterdir()
    assert "tfevents" in path.name
    first, *events = tf.compat.v1.train.summary_iterator(str(path))
    assert first.file_version == "brain.Event:2"
    found = [(e.step, v.tag, v.simple_value) for e in events for v in e.summary.value]
    assert found == [(1, "loss", 0.5), (1, "val_accuracy", 0.25), (2, "loss", 0.25)]

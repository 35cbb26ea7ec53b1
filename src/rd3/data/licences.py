"""Under which terms real data are given away, as far as whoever gives them says so; distilled images are made of them.

Nothing here is advice in law. A data set whose givers state nothing has no entry, and is `unknown`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Licence:
    """Terms of a data set.

    Attributes:
        id: identifier as Hugging Face's data-set cards have it; `other` where there is none, `unknown` where nobody
            states any.
        words: what is stated, and by whom.
        link: where.
        name: of the terms, where `id` is `other`.
    """

    id: str
    words: str
    link: str | None = None
    name: str | None = None


UNKNOWN = Licence("unknown", "the terms of the real data are not known to rd3: look them up before you share this")
UCI_DIGITS = Licence(
    "cc-by-4.0",
    "scikit-learn's digits are the test part of UCI's Optical Recognition of Handwritten Digits (Alpaydin & Kaynak"
    " 1998), which UCI offers under CC BY 4.0",
    "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
)
MNIST = Licence(
    "cc-by-sa-3.0",
    "Keras's documentation of MNIST names LeCun and Cortes as holders of the copyright and CC BY-SA 3.0 as the licence;"
    " others that hand MNIST on state other terms",
    "https://www.tensorflow.org/api_docs/python/tf/keras/datasets/mnist/load_data",
)
FASHION_MNIST = Licence(
    "mit",
    "Zalando publishes Fashion-MNIST under the MIT licence",
    "https://github.com/zalandoresearch/fashion-mnist/blob/master/LICENSE",
)
CIFAR = Licence(
    "unknown",
    "the authors of CIFAR-10 and CIFAR-100 ask for a citation (Krizhevsky 2009) and state no licence",
    "https://www.cs.toronto.edu/~kriz/cifar.html",
)
IMAGENET = Licence(
    "other",
    "ImageNet's terms of access allow non-commercial research and education only",
    "https://image-net.org/download.php",
    name="imagenet-terms-of-access",
)
TINY_IMAGENET = Licence(
    IMAGENET.id,
    f"its images are ImageNet's, and no terms of its own are stated: {IMAGENET.words}",
    IMAGENET.link,
    name=IMAGENET.name,
)
FASTAI = Licence(
    IMAGENET.id,
    f"fast.ai's choice of images is under Apache-2.0, the images are ImageNet's: {IMAGENET.words}",
    IMAGENET.link,
    name=IMAGENET.name,
)

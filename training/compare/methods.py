"""Every row of the table: the method, its paper, and in a line how ours differs from it; the cheapest come first."""

from __future__ import annotations

from functools import partial
from typing import Final

from training.compare import boxes, clusters, colours, factors, features, shipped, thesis
from training.compare.rows import Method

CLAUSEN: Final = "Clausen & Nickisch 2018, doi:10.1029/2018JA025274"
KVAMMEN: Final = "Kvammen et al. 2020, doi:10.1029/2020JA027808"
JOHNSON: Final = "Johnson et al. 2021, arXiv:2109.13899; 2024, doi:10.5061/dryad.sbcc2frft"
YANG: Final = "Yang et al., clustering of auroral images without labels"
KIRUNA: Final = "Yamauchi & Brändström 2023, doi:10.5194/gi-12-71-2023"
THESIS: Final = "the thesis behind aurorad (Ewha Womans University, 2025)"

WEIGHTS_NOTE: Final = "EfficientNet-B1 or Lite1 with ImageNet's weights, 1,280 numbers"

METHODS: Final[tuple[Method, ...]] = (
    Method("shipped", "aurorad's shipped model", "this project", "real frames: single networks, each without the"
           " sources it is asked about, in place of the mean of six that ships; their shift is fitted on the other folds",
           shipped.shipped),
    *(Method(f"colour-{key}", title, paper, differs, partial(colours.colour, name=key)) for key, title, paper, differs in (
        ("slide", "colour: the thesis's slide", THESIS, "the share of green or pink pixels, limit fitted: none is given"),
        ("hsl", "colour: HSL limits and pieces over 100 px", f"FMI's simplification of {KIRUNA}",
         "our limits of hue, saturation and lightness; 240 px discs, where 100 px is more of the sky"),
        ("lommedalen", "colour: Lommedalen's filter", "LommedalenNordlys/lommedalen-nordlys-bluesky",
         "the filter alone, without the language model behind it; all-sky discs in place of landscapes"),
        ("zliobaite", "colour: Žliobaitė's a*b* limits", "zliobaite/Aurora-detection",
         "the share of pixels in the limits; published: any pixel"),
        ("ours", "colour: aurorad's index", f"after {KIRUNA}",
         "its measure was chosen on these real frames and on all keogram nights, those held out too"))),
    Method("clausen-ridge", "pretrained features and ridge", CLAUSEN,
           f"{WEIGHTS_NOTE}, in place of Inception-v4's 1,001; colour pictures; six classes on made scenes",
           features.clausen),
    Method("kvammen-knn", "pixels and k nearest neighbours", KVAMMEN,
           "32 × 32 pixels, nine neighbours; aurora or none and OATH's six classes in place of seven forms",
           features.kvammen_neighbours),
    Method("kvammen-svm", "pixels and support vector machine", KVAMMEN,
           "a linear one on 32 × 32 pixels; aurora or none and OATH's six classes", features.kvammen_vectors),
    Method("kvammen-knn-features", "pretrained features and k nearest neighbours", KVAMMEN,
           f"{WEIGHTS_NOTE}, in place of pixels", features.neighbours_on_features),
    Method("kvammen-svm-features", "pretrained features and support vector machine", KVAMMEN,
           f"{WEIGHTS_NOTE}, in place of pixels", features.vectors_on_features),
    Method("yang-means", "pretrained features and k-means", YANG,
           f"{WEIGHTS_NOTE}, in place of VGG's; 24 clusters named by the labels in them answer aurora or none",
           clusters.yang_means),
    Method("yang-deep", "deep embedded clustering", YANG,
           "an autoencoder on 64 principal components of pretrained features, in place of one on pictures", clusters.yang_deep),
    Method("context-alone", "shipped model, each minute alone", "this project",
           "the base of the three rows below it", partial(shipped.context, kind="alone")),
    Method("context-k-of-n", "shipped model, 3 of the last 5 minutes", "the thesis's wish for ten minutes of context",
           "the event's rule as a filter", partial(shipped.context, kind="k of n")),
    Method("context-smoothed", "shipped model, ten minutes smoothed", "the thesis's wish for ten minutes of context",
           "margins halved every three minutes", partial(shipped.context, kind="smoothed")),
    Method("context-logistic", "shipped model, logistic over ten minutes", "the thesis's wish for ten minutes of context",
           "fitted on other simulated nights", partial(shipped.context, kind="logistic")),
    Method("tcvae", "β-TCVAE and linear probe", "Chen et al. 2018, arXiv:1802.04942",
           "ten numbers of 64 × 64 pictures; the gap (MIG) is measured on made scenes whose factors are known",
           factors.independent),
    *(Method(f"johnson-{share}", f"SimCLR and linear probe, {share} % of labels", JOHNSON,
             "ResNet-18, small pictures, some hundred unlabelled keogram skies and made scenes in place of millions of"
             " THEMIS frames; the changes of view are our cameras'", partial(features.johnson, share=share))
      for share in features.SHARES),
    Method("kvammen-resnet50", "ResNet-50", KVAMMEN, "from random weights, small pictures and few epochs on keogram"
           " skies and made scenes; its last layer fitted anew for each fold of real sources", features.kvammen_residual),
    Method("faster-rcnn", "Faster R-CNN (MobileNetV3)", "Ren et al. 2015, arXiv:1506.01497",
           "from random weights, few steps, boxes around the simulator's own light; the greatest score answers",
           boxes.boxes),
    Method("thesis-b1", "thesis-b1", THESIS, "some hundred frames in place of 4,563, smaller pictures, fewer epochs,"
           " Lite1's weights where torchvision's cannot be had; split by source, theirs within nights", thesis.thesis),
)  # fmt: skip

KEYS: Final = tuple(one.key for one in METHODS)
OURS: Final = "shipped"

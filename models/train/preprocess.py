"""A picture file to the network's input, exactly as the server prepares it (sharp / libvips)."""

import io

import numpy as np
from PIL import Image, ImageCms, ImageOps

KERNELS = {
    "cubic": Image.Resampling.BICUBIC,
    "lanczos3": Image.Resampling.LANCZOS,
    "linear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
}


def open_upright(path) -> Image.Image:
    """The picture as sRGB without alpha (white behind), turned as its EXIF orientation says."""
    image = ImageOps.exif_transpose(Image.open(path))
    profile = image.info.get("icc_profile")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            image = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            pass  # A broken profile: the numbers as they stand are the best guess.
    return image.convert("RGB")


def fit(image: Image.Image, spec: dict) -> np.ndarray:
    """The picture in the manifest's size, uint8 height x width x RGB."""
    size, kernel = (spec["width"], spec["height"]), KERNELS[spec["kernel"]]
    if spec["resize"] == "fill":
        fitted = image.resize(size, kernel)
    elif spec["resize"] == "cover":
        fitted = ImageOps.fit(image, size, kernel)
    else:
        padding = tuple(round(mean * 255) for mean in spec["mean"])
        fitted = ImageOps.pad(image, size, kernel, color=padding)
    return np.asarray(fitted, dtype=np.uint8)


def normalise(pixels: np.ndarray, spec: dict) -> np.ndarray:
    """uint8 N x H x W x RGB to the float tensor N x 3 x H x W."""
    values = pixels.astype(np.float32) * np.float32(spec["scale"])
    values = (values - np.float32(spec["mean"])) / np.float32(spec["std"])
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))

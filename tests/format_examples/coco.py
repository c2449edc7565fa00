"""COCO annotations: two folders of images, one category with names of its own; persons are tracked."""

import json

import numpy as np

from format_examples import Example, skeletons

NAMES, SKELETON = ["head", "left paw", "right paw", "tail"], [[1, 2], [1, 3], [1, 4]]


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, 2, 3, 4, 2), skeletons(draw, 1, 4, 4, 2)]
    for points in joints:
        points[:, 0] = np.round(draw.uniform(10, 500, points[:, 0].shape), 3)
    images, annotations = [], []
    for folder, points in zip(("a", "b"), joints, strict=True):
        for frame in range(points.shape[1]):
            id = len(images) + 100
            name = f"{folder}/{frame:06}.jpg"
            images.append({"id": id, "file_name": name, "width": 640, "height": 480})
            for person in range(len(points)):
                at = points[person, frame]
                visible = np.where(np.isnan(at[:, 0]), 0, draw.integers(1, 3, 4))
                flat = np.nan_to_num(np.column_stack([at, visible])).ravel().tolist()
                facts = {"image_id": id, "category_id": 1, "track_id": 5 + person, "keypoints": flat}
                annotations.append({"id": len(annotations), **facts})
    category = {"id": 1, "name": "mouse", "keypoints": NAMES, "skeleton": SKELETON}
    content = {"images": images, "annotations": annotations, "categories": [category]}
    return Example({"mice.json": json.dumps(content).encode()}, joints)

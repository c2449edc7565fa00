import numpy as np

from psp.synthetic.body import body
from psp.synthetic.subject import draw_partner, draw_subject, limb_offsets, restrained


def test_limbs_are_as_long_on_the_right_as_on_the_left():
    offsets = limb_offsets(np.random.default_rng(0))
    np.testing.assert_allclose(offsets[body().mirror], offsets * (-1, 1, 1))


def test_equal_generators_draw_the_same_person_and_others_somebody_else():
    first, same, other = (draw_subject(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.offsets, same.offsets)
    np.testing.assert_array_equal(first.habit, same.habit)
    assert np.abs(first.offsets - other.offsets).max() > 0.005
    assert first.tempo != other.tempo


def test_people_are_of_human_size_and_some_are_left_handed():
    people = [draw_subject(np.random.default_rng(seed)) for seed in range(200)]
    heights = np.array([person.offsets[body().joints.index("left knee"), 1] for person in people]) / -0.232
    assert 1.6 < heights.mean() < 1.85
    assert 10 < sum(person.left_handed for person in people) < 50


def test_partners_are_nearly_as_tall_and_restrained_people_move_more_alike():
    person = draw_subject(np.random.default_rng(5))
    partners = [draw_partner(person, np.random.default_rng(seed)) for seed in range(20)]
    strangers = [draw_subject(np.random.default_rng(seed)) for seed in range(20)]
    alike, wild = (np.std([np.abs(one.offsets[:, 1]).sum() for one in group]) for group in (partners, strangers))
    assert alike < 0.5 * wild
    assert np.std(restrained(person).gain) < np.std(person.gain)

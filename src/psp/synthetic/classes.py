"""The classes of the built-in data and the motion programs of each."""

from psp.synthetic import body_actions as body
from psp.synthetic import encounters as pair
from psp.synthetic import hand_actions as hand
from psp.synthetic.encounters import Encounter
from psp.synthetic.program import Program

ACTIONS: dict[str, tuple[Program, ...]] = {
    "drink": hand.DRINK,
    "phone call": hand.PHONE_CALL,
    "put on hat": hand.PUT_ON_HAT,
    "take off hat": hand.TAKE_OFF_HAT,
    "wave": hand.WAVE,
    "point": hand.POINT,
    "check watch": hand.CHECK_WATCH,
    "clap": hand.CLAP,
    "throw": hand.THROW,
    "pick up": body.PICK_UP,
    "sit down": body.SIT_DOWN,
    "stand up": body.STAND_UP,
    "kick": body.KICK,
    "jump": body.JUMP,
    "bow": body.BOW,
    "walk": body.WALK,
}
"""Actions of one person; each has several variants."""

ENCOUNTERS: dict[str, Encounter] = {
    "shake hands": pair.SHAKE_HANDS,
    "push": pair.PUSH,
    "hug": pair.HUG,
    "hand over": pair.HAND_OVER,
}
"""Actions of two persons."""

SYNTHETIC_CLASSES: tuple[str, ...] = (*ACTIONS, *ENCOUNTERS)
"""The names of the classes, those of one person first; the label is the index in this tuple."""

"""Semi-supervised skeleton-based action recognition with PSP Learning.

The public names are listed in `__init__.pyi`; the module of a name is imported when the name is first used.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

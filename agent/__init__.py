"""The program: commands, configuration, conversations, language models and knowledge, over `avatar` and `speech`."""

import os

# numpy's BLAS would start a thread for every core, and have them spin while they wait for products that are far too
# small to be shared out: that took a core away from the face. It reads these only when numpy is first imported.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

"""Record anew the figures that `ltdsl doctor --verify` compares with: ``make figures``.

``python -m ltdsl.doctor`` trains every trick on MindSpore's own kernels of a CPU, which run on any machine; with
``--missing`` those tricks alone that have no figures, or those of another plan.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ltdsl import __version__
from ltdsl.catalogue import TRICKS
from ltdsl.doctor.verify import PATIENCE, RECORDED, plan_of, recorded, tried
from ltdsl.system.files import write_atomically
from ltdsl.system.terminal import say


def main(missing: bool) -> int:
    """Write the figures; 1 where one of the tricks fails."""
    plans = {name: plan_of(entry) for name, entry in TRICKS.items()}
    made_with: dict[str, object] = {}
    tricks: dict[str, object] = {}
    if missing:
        before = recorded()
        made_with = before["made_with"]
        tricks = {
            name: each
            for name, each in before["tricks"].items()
            if name in plans and each["plan"] == plans[name].digest()
        }
    wanted = {name: plan for name, plan in plans.items() if name not in tricks}
    for said in tried("cpu-plain", wanted, PATIENCE):
        if "figures" in said:
            name = said["name"]
            say(name)
            short = {k: [float(f"{v:.7g}") for v in each] for k, each in said["figures"].items()}
            tricks[name] = {"plan": plans[name].digest(), "figures": short}
        elif "device" in said:
            made_with = made_with or {"ltdsl": __version__} | {
                k: v for k, v in said.items() if k != "note"
            }
        else:
            say(
                f"{said.get('name', 'cpu-plain')}: {said.get('failed') or said.get('error')}",
                err=True,
            )
            return 1
    lines = [f"  {json.dumps(name)}: {json.dumps(tricks[name])}" for name in plans]
    head = json.dumps(made_with)
    path = Path(__file__).with_name(RECORDED)
    write_atomically(path, f'{{"made_with": {head},\n"tricks": {{\n' + ",\n".join(lines) + "\n}}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(missing="--missing" in sys.argv[1:]))

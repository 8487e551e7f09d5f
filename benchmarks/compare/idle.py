"""What the arms need at rest: resident memory of the fresh program, and bytes per idle client."""

import kernel
import memory
from arms import ARMS, Unmeasurable
from load import Clients
from rig import Rig

CLIENTS = 5000
ARMS_WITH_MEMORY = [name for name in ARMS if name not in ("direct", "relay")]


def measure_idle(arm: str, clients: int) -> dict:
    with Rig() as rig:
        proxy = rig.proxy(arm, rig.backend())
        resident = kernel.resident_bytes(proxy.processes)
        rig.load(proxy, seconds=1, clients=Clients())
        try:
            each, problem = memory.growth(proxy, clients) / clients, ""
        except (Unmeasurable, OSError) as refused:
            each, problem = None, str(refused)
    return {"resident_at_rest_bytes": resident, "bytes_per_client": each, "clients": clients,
            "problem": problem}

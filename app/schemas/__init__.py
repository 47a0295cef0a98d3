"""What the API takes and gives, as pydantic sees it: one file per resource."""

from app.schemas.deployment import (
    DeploymentChange,
    DeploymentCreate,
    DeploymentPage,
    DeploymentRead,
    Switched,
)
from app.schemas.event import EventPage, EventRead
from app.schemas.node import NodeCreate, NodePage, NodeRead, NodeUpdate, Status
from app.schemas.problem import Problem
from app.schemas.release import ReleaseCreate, ReleasePage, ReleaseRead
from app.schemas.service import ServiceCreate, ServicePage, ServiceRead, ServiceUpdate
from app.schemas.version import Version

__all__ = [
    "DeploymentChange",
    "DeploymentCreate",
    "DeploymentPage",
    "DeploymentRead",
    "EventPage",
    "EventRead",
    "NodeCreate",
    "NodePage",
    "NodeRead",
    "NodeUpdate",
    "Problem",
    "ReleaseCreate",
    "ReleasePage",
    "ReleaseRead",
    "ServiceCreate",
    "ServicePage",
    "ServiceRead",
    "ServiceUpdate",
    "Status",
    "Switched",
    "Version",
]

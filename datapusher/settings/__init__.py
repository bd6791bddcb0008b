"""All settings, one file a topic. A value that is wrong stops the start with one line that names it (`env.SettingError`)."""

from datapusher.settings.api import *
from datapusher.settings.base import *
from datapusher.settings.caching import *
from datapusher.settings.channels import *
from datapusher.settings.connections import *
from datapusher.settings.cors import *
from datapusher.settings.database import *
from datapusher.settings.delivery import *
from datapusher.settings.logging import *
from datapusher.settings.observing import *
from datapusher.settings.people import *
from datapusher.settings.security import *

"""What every serializer of ours keeps to."""

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

if TYPE_CHECKING:
    _Serializer = serializers.Serializer[Any]
else:
    _Serializer = serializers.Serializer


class Strict(_Serializer):
    """An unknown field is refused; one that only we set is ignored, so that what GET gave can be PUT back.

    `FIXED` names fields that are given once, at creation: a later write may repeat their value, not change it.
    """

    FIXED: tuple[str, ...] = ()

    def to_internal_value(self, data: Any) -> Any:
        if unknown := sorted(data.keys() - self.fields.keys()):
            known = ", ".join(name for name, own in self.fields.items() if not own.read_only)
            raise serializers.ValidationError({name: [f"Unknown field. Known are {known}."] for name in unknown})
        if mistyped := [name for name, own in self.fields.items() if not own.read_only and not _typed(own, data.get(name))]:
            raise serializers.ValidationError({name: ["The JSON type is another."] for name in mistyped})
        if self.instance is not None:
            self._keep_fixed(data)
        return super().to_internal_value(data)

    def _keep_fixed(self, data: dict[str, Any]) -> None:
        shown = self.to_representation(self.instance)
        if changed := [name for name in self.FIXED if name in data and str(data[name]) != str(shown[name])]:
            raise serializers.ValidationError({name: ["This field never changes."] for name in changed})


class Nothing(Strict):
    """The body of a write that takes no fields: absent, or an empty object."""


# The first that fits. DRF itself takes 1 for "1", "1" for 1 and "yes" for true.
_JSON: tuple[tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], ...], tuple[type, ...]], ...] = (
    ((serializers.BooleanField,), (bool,)),
    ((serializers.IntegerField, serializers.FloatField), (int, float)),  # 5.0 is a whole number in JSON
    ((serializers.CharField, serializers.UUIDField, serializers.DateTimeField, serializers.ChoiceField), (str,)),
)


def _typed(own: Any, value: Any) -> bool:
    """Whether the value has the field's JSON type, or the field itself says what is wrong with it."""
    if isinstance(own, serializers.ListField | serializers.DictField) and isinstance(value, list | dict):
        return all(_typed(own.child, each) for each in (value.values() if isinstance(value, dict) else value))
    kinds = next((kinds for fields, kinds in _JSON if isinstance(own, fields)), None)
    return value is None or kinds is None or (isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)))


_LINE = r"[^\x00-\x1f\x7f]"


@extend_schema_field({"type": "string", "pattern": f"^{_LINE}*$"})
class Line(serializers.CharField):
    """Text without control characters; the model checks it."""


@extend_schema_field({"type": "string", "pattern": rf"^{_LINE}*[^\s\x00-\x1f\x7f]{_LINE}*$"})
class Name(Line):
    """A line that is not blank."""


class Stamps(Strict):
    """Who made and changed it, and when."""

    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    created_by = serializers.UUIDField(source="created_by_id", read_only=True)
    updated_by = serializers.UUIDField(source="updated_by_id", read_only=True)

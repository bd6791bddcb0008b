"""What every serializer of ours keeps to."""

from typing import TYPE_CHECKING, Any

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
        if self.instance is not None:
            self._keep_fixed(data)
        return super().to_internal_value(data)

    def _keep_fixed(self, data: dict[str, Any]) -> None:
        shown = self.to_representation(self.instance)
        if changed := [name for name in self.FIXED if name in data and str(data[name]) != str(shown[name])]:
            raise serializers.ValidationError({name: ["This field never changes."] for name in changed})


class Stamps(Strict):
    """Who made and changed it, and when."""

    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    created_by = serializers.UUIDField(source="created_by_id", read_only=True)
    updated_by = serializers.UUIDField(source="updated_by_id", read_only=True)

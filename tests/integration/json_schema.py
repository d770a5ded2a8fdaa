"""As much of JSON Schema (2020-12) as /openapi.json uses, to judge answers by where no package index is within reach; tests/clients/openapi does it by
others' programs. A keyword that is not known here fails: it would be passed over."""
import re

SAYS_NOTHING = {"title", "description", "format", "example", "examples", "contentEncoding", "contentMediaType", "x-enum-descriptions"}


class Schemas:
    def __init__(self, document):
        self.document = document

    def resolve(self, schema):
        while "$ref" in schema:
            target = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            schema = target
        return schema

    def faults(self, schema, value, at="$"):
        """What contradicts, as texts."""
        schema = self.resolve(schema)
        for keyword, told in schema.items():
            if keyword not in SAYS_NOTHING:
                yield from getattr(self, "judge_" + keyword.lower())(told, value, at, schema)

    def holds(self, schema, value):
        return not list(self.faults(schema, value))

    # -- a keyword each

    def judge_type(self, told, value, at, _):
        kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
        told = [told] if isinstance(told, str) else told
        if not any(isinstance(value, kinds[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in told):
            yield f"{at}: {value!r} is no {told}"

    def judge_properties(self, told, value, at, _):
        for name, member in (value.items() if isinstance(value, dict) else ()):
            if name in told:
                yield from self.faults(told[name], member, f"{at}.{name}")

    def judge_additionalproperties(self, told, value, at, schema):
        for name, member in (value.items() if isinstance(value, dict) else ()):
            if name in schema.get("properties", {}):
                continue
            if told is False:
                yield f"{at}: {name} is not known"
            else:
                yield from self.faults(told, member, f"{at}.{name}")

    def judge_required(self, told, value, at, _):
        yield from (f"{at}: {name} is missing" for name in told if isinstance(value, dict) and name not in value)

    def judge_items(self, told, value, at, _):
        for i, member in enumerate(value if isinstance(value, list) else ()):
            yield from self.faults(told, member, f"{at}[{i}]")

    def judge_enum(self, told, value, at, _):
        if value not in told:
            yield f"{at}: {value!r} is none of {told}"

    def judge_const(self, told, value, at, _):
        if value != told:
            yield f"{at}: {value!r} is not {told!r}"

    def judge_pattern(self, told, value, at, _):
        if isinstance(value, str) and not re.search(told, value):
            yield f"{at}: {value!r} does not match {told}"

    def judge_minlength(self, told, value, at, _):
        if isinstance(value, str) and len(value) < told:
            yield f"{at}: {len(value)} characters"

    def judge_maxlength(self, told, value, at, _):
        if isinstance(value, str) and len(value) > told:
            yield f"{at}: {len(value)} characters"

    def judge_minimum(self, told, value, at, _):
        if isinstance(value, int) and value < told:
            yield f"{at}: {value} < {told}"

    def judge_maximum(self, told, value, at, _):
        if isinstance(value, int) and value > told:
            yield f"{at}: {value} > {told}"

    def judge_anyof(self, told, value, at, _):
        if not any(self.holds(choice, value) for choice in told):
            yield f"{at}: {value!r} is none of {len(told)} choices"

    def judge_oneof(self, told, value, at, _):
        if sum(self.holds(choice, value) for choice in told) != 1:
            yield f"{at}: not one of {len(told)} choices"

    def judge_allof(self, told, value, at, _):
        for choice in told:
            yield from self.faults(choice, value, at)

    def judge_not(self, told, value, at, _):
        if self.holds(told, value):
            yield f"{at}: holds {told}"

"""What both readers share: how the two tools' different spellings become one."""

import json


class Names:
    """What made-up ids, references and chosen names stand for: a resource's part in the system, such as <task-group>."""

    def __init__(self):
        self._meanings = {}

    def mean(self, text, part):
        """Everywhere this text is, it stands for this part. Numbers, flags and short words stand for nothing."""
        if isinstance(text, str) and len(text) > 6:
            self._meanings[text] = part

    def plain(self, value):
        """The value with every such text replaced, the longest first; without what is not said."""
        if isinstance(value, str):
            for text in sorted(self._meanings, key=len, reverse=True):
                value = value.replace(text, self._meanings[text])
            value = value.replace("arn:aws:", "arn:<partition>:")
            # A repository's URL and a log group's ARN, written out or asked of the resource.
            value = value.replace("<account>.dkr.ecr.<region>.amazonaws.com/<repository>", "<repository>")
            for group in ("<log-group>", "<flow-log-group>"):
                value = value.replace(f"arn:<partition>:logs:<region>:<account>:log-group:{group}", group)
            return value
        if isinstance(value, list):
            return [self.plain(item) for item in value]
        if isinstance(value, dict):
            return {key: self.plain(item) for key, item in value.items() if item is not None}
        return value


def as_list(value):
    """IAM and CloudFormation take one thing where they take a list of them."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def ordered(items):
    """A list whose order means nothing."""
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def statements(document):
    """The statements of a policy, without what only has a name: Sid, Version, the order, one or a list of one."""
    if isinstance(document, str):
        document = json.loads(document)
    found = []
    for statement in as_list(document["Statement"]):
        plain = {key: value for key, value in statement.items() if key != "Sid"}
        for key in ("Action", "Resource"):
            if key in plain:
                plain[key] = sorted(as_list(plain[key]))
        found.append(plain)
    return ordered(found)


def upper_keys(value):
    """Keys as CloudFormation writes them. What a map of options is keyed by is no such key."""
    if isinstance(value, list):
        return [upper_keys(item) for item in value]
    if isinstance(value, dict):
        return {
            key[0].upper() + key[1:]: item if key in ("options", "Options") else upper_keys(item)
            for key, item in value.items()
        }
    return value

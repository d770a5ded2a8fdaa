"""A connector that is not known here is taken, for it may be a newer one; one edit beside a known name the answer says that it may be a slip."""
import unittest

from harness import CREATE, ServerCase, create_request, initial_metadata, unique


class Hints(ServerCase):
    def hint(self, name):
        """The hint of a session that was made."""
        answer, call = self.server.call(create_request(unique()), [("x-connector", name), ("x-auth", "no-key")], path=CREATE)
        self.assertTrue(answer.session_token)
        return initial_metadata(call).get("x-connector-hint")

    def test_one_edit(self):
        for name, meant in [("nuvey", "nuvei"), ("nuvi", "nuvei"), ("nuuvei", "nuvei"), ("nvuei", "nuvei"), ("xnuvei", "nuvei"), ("nuveix", "nuvei"),
                            ("bolt", "volt")]:
            self.assertEqual(self.hint(name), f"{name} is not known here; did you mean {meant}?")

    def test_none(self):
        for name in ("tomorrows_pay", "nuvxx", "evnui"):
            self.assertIsNone(self.hint(name), name)


if __name__ == "__main__":
    unittest.main()

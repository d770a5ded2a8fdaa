// go-paseto reads the tokens of a file of cases (test_paseto.py) and refuses what is altered, or of another key.
package sessiond

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"aidanwoods.dev/go-paseto"
)

type cases struct {
	Public map[string]string
	Local  map[string]string
	Tokens []struct {
		Token, Kind, Kid string
		Claims           map[string]any
		Altered          []string
	}
}

func key(t *testing.T, paserk string) []byte {
	t.Helper()
	bytes, err := base64.RawURLEncoding.DecodeString(paserk[strings.LastIndex(paserk, ".")+1:])
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// A reader of one key's tokens.
func (c *cases) reader(t *testing.T, kind, kid string) func(string) (*paseto.Token, error) {
	t.Helper()
	parser := paseto.NewParserWithoutExpiryCheck()
	if kind == "local" {
		local, err := paseto.V4SymmetricKeyFromBytes(key(t, c.Local[kid]))
		if err != nil {
			t.Fatal(err)
		}
		return func(token string) (*paseto.Token, error) { return parser.ParseV4Local(local, token, nil) }
	}
	public, err := paseto.NewV4AsymmetricPublicKeyFromBytes(key(t, c.Public[kid]))
	if err != nil {
		t.Fatal(err)
	}
	return func(token string) (*paseto.Token, error) { return parser.ParseV4Public(public, token, nil) }
}

func (c *cases) keys(kind string) map[string]string {
	if kind == "local" {
		return c.Local
	}
	return c.Public
}

func TestTokens(t *testing.T) {
	text, err := os.ReadFile(os.Getenv("SESSIOND_CASES"))
	if err != nil {
		t.Fatal(err)
	}
	var c cases
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, one := range c.Tokens {
		read := c.reader(t, one.Kind, one.Kid)
		token, err := read(one.Token)
		if err != nil {
			t.Fatalf("%s: %v", one.Token, err)
		}
		var claims map[string]any
		if err := json.Unmarshal(token.ClaimsJSON(), &claims); err != nil || !reflect.DeepEqual(claims, one.Claims) {
			t.Fatalf("%s says %v", one.Token, claims)
		}
		if !strings.Contains(string(token.Footer()), one.Kid) {
			t.Fatalf("the footer is %s", token.Footer())
		}
		for _, altered := range one.Altered {
			if _, err := read(altered); err == nil {
				t.Fatalf("accepted: %s", altered)
			}
			refused++
		}
		for kid := range c.keys(one.Kind) {
			if kid == one.Kid {
				continue
			}
			if _, err := c.reader(t, one.Kind, kid)(one.Token); err == nil {
				t.Fatalf("%s opens a token of %s", kid, one.Kid)
			}
			refused++
		}
	}
	t.Logf("%d tokens read, %d refused", len(c.Tokens), refused)
}

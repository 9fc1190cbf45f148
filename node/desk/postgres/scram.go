package postgres

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// mechanism is the one way to log in: SCRAM-SHA-256 of RFC 7677, without a channel, which loopback has not.
const mechanism = "SCRAM-SHA-256"

// iterations are those that Postgres has. The password is 256 random bits: more would protect nothing.
const iterations = 4096

var errPassword = errors.New("the password is not the desk's")

// verifier is what the server knows of the password.
type verifier struct {
	salt              []byte
	storedKey, server []byte
}

func newVerifier(password string) (*verifier, error) {
	v := &verifier{salt: make([]byte, 16)}
	rand.Read(v.salt) //nolint:errcheck // it never fails
	salted, err := pbkdf2.Key(sha256.New, password, v.salt, iterations, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the password: %w", err)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	v.storedKey, v.server = stored[:], mac(salted, "Server Key")
	return v, nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text)) //nolint:errcheck // it never fails
	return h.Sum(nil)
}

// exchange is one login.
type exchange struct {
	*verifier
	bare, first, nonce, header string
}

// begin answers the client's first message.
func (x *exchange) begin(message []byte) (answer []byte, err error) {
	text := string(message)
	parts := strings.SplitN(text, ",", 3)
	if len(parts) != 3 || parts[0] != "n" && parts[0] != "y" || parts[1] != "" {
		return nil, errors.New("the first message of SCRAM-SHA-256 is not as RFC 5802 has it")
	}
	x.header, x.bare = parts[0]+",,", parts[2]
	nonce := attribute(x.bare, "r")
	if nonce == "" || len(nonce) > 256 || attribute(x.bare, "m") != "" {
		return nil, errors.New("the first message of SCRAM-SHA-256 has no nonce")
	}
	x.nonce = nonce + rand.Text()
	x.first = fmt.Sprintf("r=%s,s=%s,i=%d", x.nonce, base64.StdEncoding.EncodeToString(x.salt), iterations)
	return []byte(x.first), nil
}

// end checks the client's proof, and returns the server's.
func (x *exchange) end(message []byte) (answer []byte, err error) {
	text := string(message)
	at := strings.LastIndex(text, ",p=")
	if at < 0 {
		return nil, errPassword
	}
	proof, err := base64.StdEncoding.DecodeString(text[at+3:])
	if err != nil || len(proof) != sha256.Size {
		return nil, errPassword
	}
	bound, err := base64.StdEncoding.DecodeString(attribute(text, "c"))
	if err != nil || string(bound) != x.header || attribute(text, "r") != x.nonce {
		return nil, errPassword
	}
	all := x.bare + "," + x.first + "," + text[:at]
	signature := mac(x.storedKey, all)
	key := make([]byte, sha256.Size)
	subtle.XORBytes(key, proof, signature)
	if sum := sha256.Sum256(key); subtle.ConstantTimeCompare(sum[:], x.storedKey) != 1 {
		return nil, errPassword
	}
	return []byte("v=" + base64.StdEncoding.EncodeToString(mac(x.server, all))), nil
}

// attribute is the value of a letter in a message of SCRAM; empty: it is not there.
func attribute(message, letter string) string {
	for part := range strings.SplitSeq(message, ",") {
		if value, ok := strings.CutPrefix(part, letter+"="); ok {
			return value
		}
	}
	return ""
}

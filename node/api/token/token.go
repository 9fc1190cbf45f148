package token

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// MaxAge is the longest life of a token.
	MaxAge = 5 * time.Minute
	// Leeway is how far the clocks of client and node may be apart.
	Leeway = 30 * time.Second
	// maxLength bounds what is parsed at all; a real token has about 350 bytes.
	maxLength = 2048
)

// ErrInvalid is returned for every token that does not hold; the wrapping error
// says why, in words that are safe to send back.
var ErrInvalid = errors.New("token is not valid")

// Issue signs a token that names the principal to the cluster (its id in
// hexadecimal) from now on, for MaxAge.
func Issue(key ed25519.PrivateKey, principal, cluster string, now time.Time) (string, error) {
	claims := jwt.RegisteredClaims{
		Subject:   principal,
		Audience:  jwt.ClaimStrings{cluster},
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(MaxAge)),
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims).SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}

// Verify checks a token for the cluster at the given time and returns the
// principal's id. keyOf finds the key of the principal that the token names;
// its error is returned as it is, inside the wrapping one.
func Verify(text, cluster string, now time.Time, keyOf func(principal string) (ed25519.PublicKey, error)) (string, error) {
	if len(text) > maxLength {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrInvalid, maxLength)
	}
	if strings.ContainsAny(text, "\r\n") { // base64's decoder passes over them, and a token has one spelling
		return "", fmt.Errorf("%w: it has a line break", ErrInvalid)
	}
	var lookup error
	var claims jwt.RegisteredClaims
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithAudience(cluster),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(Leeway),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(func() time.Time { return now }),
	)
	_, err := parser.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) {
		key, err := keyOf(claims.Subject)
		if err != nil {
			lookup = err
			return nil, err
		}
		return key, nil
	})
	switch {
	case lookup != nil:
		return "", fmt.Errorf("find the key of the token's principal: %w", lookup)
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	case claims.IssuedAt == nil:
		return "", fmt.Errorf("%w: it does not say when it was issued", ErrInvalid)
	case claims.ExpiresAt.Sub(claims.IssuedAt.Time) > MaxAge:
		return "", fmt.Errorf("%w: it lives longer than %s", ErrInvalid, MaxAge)
	}
	return claims.Subject, nil
}

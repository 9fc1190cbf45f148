package seal

import (
	"bytes"
	"errors"
	"testing"
)

func TestVectorShareOpensForItsPurposeAlone(t *testing.T) {
	private, public, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	share := bytes.Repeat([]byte{7}, 1000)
	sealed, err := Seal(public, []byte(VectorInfo), []byte("mine, point 2"), share)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Open(private, []byte(VectorInfo), []byte("mine, point 2"), sealed); err != nil || !bytes.Equal(got, share) {
		t.Fatalf("%v, or another share", err)
	}
	if _, err := Open(private, []byte(VectorInfo), []byte("mine, point 3"), sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("opened for another point: %v", err)
	}
	if _, err := Open(private, []byte(ShareInfo), []byte("mine, point 2"), sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("opened as a share of a result: %v", err)
	}
	sealed[len(sealed)/2] ^= 1
	if _, err := Open(private, []byte(VectorInfo), []byte("mine, point 2"), sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("opened with one bit changed: %v", err)
	}
}

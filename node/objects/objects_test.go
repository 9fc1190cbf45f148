package objects_test

import (
	"testing"

	"github.com/weirdata/weir/node/objects"
)

func TestAddressesOfStores(t *testing.T) {
	for _, address := range []string{"s3+https://", "s3+https://host", "s3+https://host/", "s3+https://key:secret@host/bucket", "s3+https://host/b?x=1"} {
		if s, err := objects.Open(address, nil); err == nil {
			t.Errorf("%s is %v", address, s)
		}
	}
	s, err := objects.Open("/mnt/archive", nil)
	if err != nil || s != objects.Directory("/mnt/archive") {
		t.Errorf("a directory is %v (%v)", s, err)
	}
}

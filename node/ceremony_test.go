package node

import "testing"

func TestEveryPublisherGetsAKeyThatTheClientVerifies(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	a, b := c.publisher(ctx, "bureau"), c.publisher(ctx, "company")
	ka, err := a.ReadyKey(ctx, a.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	kb, err := b.ReadyKey(ctx, b.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	if string(ka.Public) == string(kb.Public) {
		t.Fatal("two publishers share a key")
	}
}

package route

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
)

// inNodes is NodeIn in Chinese.
func inNodes(text string) string { return NodeIn(explain.Chinese, text) }

func TestWhatNodesSayIsInChinese(t *testing.T) {
	holdTable(t, chineseNodes(), inNodes, []source{
		{"node/leader.go", []string{"leadKeys"}}, {"node/seats.go", []string{"leadSeats"}}, {"node/status.go", []string{"Live", "Ready", "fullDisks"}},
		{"node/clock.go", []string{"errClock", "errUncompared", "clockFault"}}, {"catalog/state/level.go", []string{"ErrLevel"}}, {"node/core.go", []string{"keyFaults"}},
		{"node/failure/failure.go", []string{"ErrNoShare"}}, {"node/comparestates.go", []string{"errDoubt", "stateFault", "alarms"}}, {"node/compare/states.go", []string{"String"}},
		{"node/compare/logs.go", []string{"Reasons"}}, {"consensus/errors.go", []string{"ErrDiskFull", "ErrFault", "ErrReopen", "ErrDiverged", "ErrNotVoter"}},
		{"consensus/propose.go", []string{"Full"}}, {"consensus/incarnation.go", []string{"mayVote"}}, {"consensus/raftlog.go", []string{"removeEnd", "replaceBySnapshot"}},
	}, map[string][]string{
		"it is %s behind that of %s; set it":                                               {"it is %s %s that of %s; set it", "behind"},
		"it is %s ahead of that of %s; set it":                                             {"it is %s %s that of %s; set it", "ahead of"},
		"after %d entries it differs from that of %s, and no majority says which is right": {"after %d entries it differs from that of %s, %s", "and no majority says which is right"},
		"after %d entries it differs from that of %s, which are a majority":                {"after %d entries it differs from that of %s, %s", "which are a majority"},
		"disk almost full: %d MB left, %d are kept free":                                   {"disk almost full", "%d MB left, %d are kept free"},
		"this node holds no usable share of the key %s":                                    {"this node holds no usable share of the key"},
	}, "take the vote of", "hand over from", "take up", "let go", " or ")

	holdTable(t, chineseHarms(), inNodes, []source{{"node/damage.go", nil}}, nil)
	holdTable(t, chineseHealth(), inNodes, []source{{"node/client/nodestatus/faults.go", []string{"Faults", "shareFaults"}}, {"node/client/nodestatus/nodestatus.go", []string{"All", "status"}}}, nil, "node %s of cluster %s answers for node %s")
	holdTable(t, chineseKeyWaits(), inNodes, []source{
		{"node/client/keyplaces.go", []string{"RefreshWaits", "sharingWaits"}}, {"node/client/publisherkey.go", []string{"keyProgress", "unbegun"}}, {"node/desk/operator/keys.go", []string{"unbegun"}},
	}, map[string][]string{
		"the nodes have not begun to make the key: all of them must be up, and it waits for %s": {"the nodes have not begun to make the key: all of them must be up", ", and it waits for %s"},
	}, "this needs a publisher's key: %s")
	holdTable(t, chineseLogs(), inNodes, []source{{"node/client/audit/monitor.go", []string{"head", "asFork", "continues", "begins"}}, {"node/cosign/cosign.go", []string{"TooFew"}}, {"node/api/backend.go", []string{"ErrForked"}}}, nil,
		"%s (root %s)", "%s (does not answer)", "%s nodes must sign a checkpoint, %s did; missing: %s", "read the proof of node %s: %s")
	holdTable(t, chineseManifests(), inNodes, []source{{"node/backup/manifest.go", []string{"ErrManifest", "Read", "Check", "Rosters", "parseManifest"}}}, nil,
		"%s in %s: make one with `weir operator backup create %s`", "%s %s in %s: `weir operator backup list %s` shows those that there are")

	stuck := catalog.Why("canary.stuck", "10m0s", []string{"n1", "n2"})
	for english, want := range map[string]string{
		"node n2 cannot take work: no node leads; this node's clock is wrong: it is 2m0s behind that of n1, n3; set it": "节点 n2 不能工作：没有主节点；此节点的时钟有误：比 n1、n3 慢 2m0s；请校准",
		"node n3 at https://127.0.0.1:1 gives no status: it did not answer in time":                                     "节点 n3（https://127.0.0.1:1）没有给出状态：没有及时应答",
		"attempt 3 is dealing and waits for n1, n2; all nodes must be up":                                               "第 3 次尝试（正在分发），等待 n1、n2；所有节点都须在线",
		"attempt 2 failed (" + explain.Reason(stuck) + "), the next begins when all nodes are up":                       "第 2 次尝试失败（" + explain.Chinese.Reason(stuck) + "），所有节点在线后再次开始",
		"the state of n3 is in doubt: after 7 entries it differs from that of n1, n2, which are a majority":             "节点 n3 的状态存疑：在第 7 条之后与 n1、n2 的不同，而后者为多数",
		"key k-1 would be lost with the share of n1 or n2: no machine of theirs can be replaced until n3 has its share": "一旦失去 n1、n2 的份额，密钥 k-1 就会丢失：在 n3 取得份额之前，不能更换这些节点的机器",
		"disk almost full: 3 MB left, 9 are kept free; free some space below /srv/weir":                                 "磁盘将满：剩余 3 MB，须保留 9 MB；请清理 /srv/weir 下的空间",
		"no node leads; heaven knows": "没有主节点；heaven knows",
		"heaven knows; or not":        "heaven knows; or not",
	} {
		if got := inNodes(english); got != want {
			t.Errorf("%q is said as %q, want %q", english, got, want)
		}
		if got := NodesIn(explain.English, []string{english})[0]; got != english {
			t.Errorf("%q is said otherwise in English: %q", english, got)
		}
	}
}

// Errors that networks and disks really make are said plainly, and each plain sentence in Chinese.
func TestTroublesAreToldPlainly(t *testing.T) {
	within := func(timeout time.Duration, url string) error {
		c := http.Client{Timeout: timeout}
		resp, err := c.Get(url)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	get := func(url string) error { return within(time.Minute, url) } // on a busy machine they all take a while
	gone := httptest.NewServer(nil)
	gone.Close()
	quiet := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer quiet.Close()
	plain := httptest.NewServer(nil)
	defer plain.Close()
	ending := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.Close()
		}
	}))
	defer ending.Close()
	secure := httptest.NewUnstartedServer(nil)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	_, missing := os.ReadFile(filepath.Join(t.TempDir(), "missing"))
	for what, c := range map[string]struct {
		err  error
		want string
	}{
		"nobody listens": {get(gone.URL), "nothing listens at its address"}, "it is quiet": {within(200*time.Millisecond, quiet.URL), "it did not answer in time"},
		"no TLS":  {get("https" + strings.TrimPrefix(plain.URL, "http")), "something else listens at its address, without TLS"},
		"it ends": {get(ending.URL), "it ended the connection"}, "a certificate of nobody": {get(secure.URL), "none that this machine trusts"},
		"no name": {&net.DNSError{Err: "no such host", Name: "n1.example", IsNotFound: true}, "cannot be found"}, "no file": {missing, "the file is not there"},
	} {
		if c.err == nil || !strings.Contains(Plain(c.err.Error()), c.want) {
			t.Errorf("%s: %v is told as %q, want %q", what, c.err, Plain(c.err.Error()), c.want)
		}
	}
	for _, row := range chineseTroubles() {
		if got := inNodes(row[0]); got != row[1] || !strings.ContainsFunc(got, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%q is told as %q", row[0], got)
		}
	}
	if Plain("heaven knows") != "" {
		t.Error("what is unknown is told")
	}
}

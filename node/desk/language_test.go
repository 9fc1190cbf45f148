package desk

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/buyer"
)

// A request says its language, and what it is told is in it: refusals, the changes that pass, policies.
func TestADeskSpeaksTheLanguageOfTheRequest(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Client(catalog.RolePublisher)
	_, err := publish.Registry(w.Ctx, publisher, clienttest.Firms(12), nil)
	w.Must(err)
	_, err = publish.Publish(w.Ctx, publisher, w.Prepare(publisher, clienttest.ProtectedDescriptor, clienttest.WorksCSV(12, 3)), nil)
	w.Must(err)
	w.Contract("works", catalog.OrderApprove{Queries: 10})
	v := visit(t, Options{Client: w.Client(catalog.RoleBuyer), Dir: t.TempDir(), Version: "test"})
	speak := func(method, path, body, language string, into any) int {
		t.Helper()
		answer, text := v.send(v.request(method, path, body, func(r *http.Request) { r.Header.Set("Accept-Language", language) }))
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return answer.StatusCode
	}
	const refused = `{"sql": "SELECT SUM(nox) FROM works WHERE firm = 'f001' AND period = '2024-02'"}`
	for language, want := range map[string][3]string{
		"zh": {"没有可发布的结果：数据集 works 只发布至少有", "能通过的最小改动：去掉对实体的条件", "去掉对实体的条件"},
		"en": {"nothing can be released: dataset works releases groups", "the smallest change that passes: ask without the condition", "ask without the condition on entities"},
	} {
		var x buyer.Explained
		speak("POST", "/api/explain", refused, language, &x)
		if x.Problem == nil || !strings.Contains(x.Problem.Message, want[0]) || !strings.Contains(x.Problem.Fix, want[1]) || len(x.Changes) != 1 || !strings.Contains(x.Changes[0].Words, want[2]) {
			t.Errorf("in %s it is explained as %+v, changes %+v", language, x.Problem, x.Changes)
		}
	}
	var listed struct {
		Policy []string `json:"policy"`
	}
	speak("GET", "/api/datasets/works", "", "zh", &listed)
	if all := strings.Join(listed.Policy, " "); !strings.Contains(all, "一个组至少有") || strings.Contains(all, "entities") {
		t.Errorf("the policy is %s", all)
	}
	var p wire.Problem
	if status := speak("GET", "/api/datasets/nowhere", "", "zh", &p); status != http.StatusNotFound || p.Message != `没有数据集 "nowhere"` {
		t.Errorf("%d: %+v", status, p)
	}
	if status := speak("POST", "/api/explain", `{"sql": ""}`, "zh", &p); status != http.StatusUnprocessableEntity || p.Message != "没有查询" {
		t.Errorf("%d: %+v", status, p)
	}
	v.cookie = "another"
	if status := speak("GET", "/api/session", "", "zh-CN,zh;q=0.9", &p); status != http.StatusUnauthorized || p.Message != "此工作台不认识这个浏览器" {
		t.Errorf("%d: %+v", status, p)
	}
}

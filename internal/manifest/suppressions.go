package manifest

import "net/http"

// The routes for addresses that take no messages.
var (
	GetSuppression = route(http.MethodGet, "/suppressions/{channel}/{address}", editors,
		keyed(checking(endpoint("get-suppression", "GetItem"))))
	PutSuppression = route(http.MethodPut, "/suppressions/{channel}/{address}", editors,
		keyed(checking(endpoint("put-suppression", "GetItem", "UpdateItem"))))
	DeleteSuppression = route(http.MethodDelete, "/suppressions/{channel}/{address}", editors,
		keyed(checking(endpoint("delete-suppression", "GetItem", "UpdateItem"))))
)

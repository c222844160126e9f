-- Places orders, each under a key of its own. The thread's start makes keys of two runs differ.
local started = tostring(os.time()) .. tostring({}):sub(8)
local count = 0
local body = '{"product": "lamp", "quantity": 3, "price": 29.99}'

function request()
  count = count + 1
  local headers = {
    ["Authorization"] = wrk.headers["Authorization"],
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = started .. "-" .. count,
  }
  return wrk.format("POST", nil, headers, body)
end

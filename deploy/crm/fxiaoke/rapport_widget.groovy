// 纷享销客自定义函数：向 Rapport 取得客户卡片的地址，供自定义组件以 iframe 打开。密钥只需 read 权限，请保存在函数的全局变量中。
// A custom function of 纷享销客: returns the address of a customer's widget; the custom component opens it in an iframe.
String service = "https://rapport.example.com"
Map headers = ["Authorization": "Bearer ${rapport_key}", "Content-Type": "application/json"]
Map body = ["customer_id": customer_number, "language": "zh"]
def (Boolean error, HttpResult reply, String message) = Fx.http.post(service + "/v1/widget", headers, body)
if (error || reply.statusCode != 200) {
  return ["error": message ?: "Rapport 没有应答，请稍后再试。"]
}
return ["url": service + reply.content["path"]]

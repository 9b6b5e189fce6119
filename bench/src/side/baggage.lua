local function edit_baggage(headers, enters)
  local sent = headers:get("baggage")
  local kept = sent
  if sent ~= nil and string.find(sent, "lane", 1, true) then
    local members = {}
    for member in string.gmatch(sent, "[^,]+") do
      if not string.match(member, "^%s*lane%s*=") then members[#members + 1] = member end
    end
    kept = table.concat(members, ",")
  end
  if enters then
    kept = (kept == nil or kept == "") and "lane=gray" or kept .. ",lane=gray"
  end
  if kept ~= sent then
    if kept == "" then headers:remove("baggage") else headers:replace("baggage", kept) end
  end
end

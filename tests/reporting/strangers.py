"""What a stranger may write where a name is expected."""

EVIL = '</script><script>alert("x")</script><img src=x onerror=alert(1)> `code` | [link](javascript:alert(1)) $x$'

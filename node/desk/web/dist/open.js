var e=document.querySelector('meta[name="weir-desk"]')?.content;e&&(localStorage.setItem("weir-desk",e),location.replace("/"));

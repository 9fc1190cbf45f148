// The page that a link is answered with: it keeps the header's part of the session in this origin's storage.
const key = document.querySelector('meta[name="weir-desk"]')?.content;
if (key) {
  localStorage.setItem('weir-desk', key);
  location.replace('/');
}

// What is done while the page is read: the colours that were chosen, so that no others flash, and the first question to the
// desk. index.html has this in itself, and its frame with the styles of shell.css: they are painted before the page's script
// and its whole style sheet are there.
const theme = localStorage.getItem('weir-theme');
if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
const key = localStorage.getItem('weir-desk');
if (key) {
  const session = fetch('/api/session', { headers: { 'X-Weir-Desk': key }, credentials: 'same-origin' });
  session.catch(() => {}); // whoever takes it is told
  window.early = { '/api/session': session };
}
const sheet = document.createElement('link');
const styled = new Promise((done) => { sheet.onload = sheet.onerror = done; });
sheet.rel = 'stylesheet';
sheet.href = '/style.css';
document.head.append(sheet);
// A page in the background is not painted.
const painted = document.hidden || new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
Promise.all([styled, painted]).then(() => import('/main.js'));
